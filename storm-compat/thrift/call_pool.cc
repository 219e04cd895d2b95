#include "storm-compat/thrift/call_pool.h"

#include <pthread.h>

#include <string>

namespace petrel {

void CallPool::start() {
  for (int i = 0; i < thread_count_; ++i) threads_.emplace_back([this, i] { run(i); });
}

bool CallPool::submit(std::function<void()> job) {
  {
    std::lock_guard lock(mutex_);
    if (stopped_ || queue_.size() >= static_cast<size_t>(max_queued_)) return false;
    queue_.push_back(std::move(job));
  }
  wake_.notify_one();
  return true;
}

void CallPool::stop() {
  std::deque<std::function<void()>> dropped;  // destroyed without the lock
  {
    std::lock_guard lock(mutex_);
    stopped_ = true;
    dropped.swap(queue_);
  }
  wake_.notify_all();
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void CallPool::run(int number) {
  pthread_setname_np(pthread_self(), ("thrift-call-" + std::to_string(number)).c_str());
  while (true) {
    std::function<void()> job;
    {
      std::unique_lock lock(mutex_);
      wake_.wait(lock, [this] { return stopped_ || !queue_.empty(); });
      if (stopped_) return;
      job = std::move(queue_.front());
      queue_.pop_front();
    }
    job();
  }
}

}  // namespace petrel
