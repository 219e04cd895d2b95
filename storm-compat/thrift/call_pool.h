// CallPool: a fixed number of threads that run calls from a bounded queue.
// Thread: submit from any thread; start and stop from one.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace petrel {

class CallPool {
 public:
  CallPool(int threads, int max_queued) : thread_count_(threads), max_queued_(max_queued) {}
  ~CallPool() { stop(); }

  void start();
  /// False when the queue is full or the pool is stopped; the job is not run then.
  bool submit(std::function<void()> job);
  /// Waits for running jobs, drops queued ones.
  void stop();

 private:
  void run(int number);

  const int thread_count_;
  const int max_queued_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::deque<std::function<void()>> queue_;  // guarded by mutex_
  bool stopped_ = false;                     // guarded by mutex_
  std::vector<std::thread> threads_;
};

}  // namespace petrel
