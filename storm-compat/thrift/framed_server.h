// FramedServer: Thrift's framed binary transport on asio, for clients that may be wrong, slow or hostile.
//
// A frame is a 4-byte big-endian length and a message. Memory follows the bytes that arrived, never the length field.
// A frame passes thrift_scan before the generated processor reads it. Calls of one connection run one at a time and in
// order (pipelining works), calls of different connections run side by side on the workers.
// Answers to bad calls are TApplicationExceptions: UNKNOWN_METHOD(1), INVALID_MESSAGE_TYPE(2), PROTOCOL_ERROR(7) for
// arguments that do not read, INTERNAL_ERROR(6) for a handler that throws something the IDL does not declare and for
// answers above `max_answer_bytes`. Where no answer can be addressed, the connection is closed with one log line that
// names value, rule and fix; repeated lines of one kind are counted instead of written.
//
// Thread: start, stop and the destructor on one thread; one own I/O thread; handlers on own worker threads.
// Limits: FramedServerOptions.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "native/base/clock.h"
#include "native/base/status.h"
#include "storm-compat/thrift/thrift_scan.h"

namespace apache::thrift {
class TProcessor;
}

namespace petrel {

struct FramedServerOptions {
  uint32_t max_frame_bytes = 64u << 20;      // requests
  uint32_t max_answer_bytes = 1048576;       // what a Storm client accepts by default, the whole frame payload
  uint64_t max_buffered_bytes = 512u << 20;  // unfinished and waiting requests of all connections together
  int max_connections = 1024;  // lowered to what the file limit allows; when full, the oldest idle one is dropped
  int workers = 16;
  int max_queued_calls = 4096;
  Millis idle_timeout{600'000};       // between calls; Storm clients poll once a minute
  Millis first_call_timeout{60'000};  // a connection that never made a good call
  Millis frame_deadline{600'000};     // first to last byte of one frame
  Millis progress_window{10'000};     // in each, an unfinished frame must grow by `min_progress_bytes`
  uint32_t min_progress_bytes = 16384;
  Millis write_deadline{60'000};  // whole answer
  Millis sweep_interval{250};     // how often deadlines are looked at
  Millis log_interval{1'000};     // one line per kind of error in this time, the rest is counted
  ScanLimits scan;
};

/// Counters since the start, for status pages and tests.
struct FramedServerStats {
  int64_t accepted = 0;
  int64_t open = 0;
  int64_t dropped_for_cap = 0;
  int64_t closed_for_error = 0;
  int64_t calls = 0;
};

class FramedServer {
 public:
  FramedServer(std::shared_ptr<apache::thrift::TProcessor> processor, FramedServerOptions options, Clock& clock);
  ~FramedServer();  // stops

  /// Listens on host:port (port 0: any free one). kIo with the reason when that is not possible. Once only.
  Status start(const std::string& host, uint16_t port);
  /// The port that is listened on; 0 before start.
  uint16_t port() const;
  /// Closes everything and waits for running handlers. May be called twice.
  void stop();

  FramedServerStats stats() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace petrel
