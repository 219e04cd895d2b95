#include "storm-compat/thrift/foreign_protocol.h"

namespace petrel {
namespace {

bool is_http(std::string_view bytes) {
  for (std::string_view verb :
       {"GET ", "POST", "HEAD", "PUT ", "DELE", "OPTI", "PATC", "CONN", "TRAC", "PRI ", "HTTP"}) {
    if (bytes == verb) return true;
  }
  return false;
}

}  // namespace

const char* name_foreign_protocol(std::string_view first_bytes) {
  std::string_view word = first_bytes.substr(0, 4);
  if (word.size() < 4) return nullptr;
  if (is_http(word)) return "an HTTP request; this port speaks Thrift, the web interface has its own port";
  if (word == "SSH-") return "an SSH banner; this port speaks Thrift";
  if (word[0] == '\x16' && word[1] == '\x03') {
    return "a TLS hello; this port speaks plain Thrift, switch TLS off in the client";
  }
  if (word[0] == '\x80' && word[1] == '\x01' && word[2] == '\0') {
    return "Thrift without frames; use TFramedTransport (storm.thrift.transport SimpleTransportPlugin)";
  }
  if (word[0] == '\x82' && (word[1] & 0x1f) == 1) {
    return "Thrift's compact protocol without frames; use TFramedTransport and TBinaryProtocol";
  }
  if (word == std::string_view("\x01\0\0\0", 4) && first_bytes.size() >= 6 && first_bytes[5] >= 'A' &&
      first_bytes[5] <= 'Z') {
    return "a SASL negotiation; set storm.thrift.transport to SimpleTransportPlugin in the client";
  }
  return nullptr;
}

}  // namespace petrel
