#include "native/links/link.h"

#include "native/base/crc32c.h"

namespace petrel {

Frame make_frame(FrameHeader header, std::string body) {
  header.body_crc = crc32c(body);
  return {header, std::make_shared<const std::string>(std::move(body))};
}

}  // namespace petrel
