// What the load of a source is made of: a Writer that puts payloads into an engine, and a Reader that reads them with
// the engine's own client library and does nothing with them. The reader is the limit that a source is measured
// against. One file per library implements both; `sluice_engine_load` drives them, on its one thread.
// They throw std::runtime_error when the engine does not do as it is told: a load run has nothing to reconnect for.
// Invariant: payloads are written in order, and each is acknowledged, where the engine acknowledges, when finish()
// returns.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace sluice::bench {

class Intake;

struct EngineOptions {
  std::string url;
  std::string name;          // of the stream, channel, table, subject, topic; of the file its path is the URL's
  bool from_oldest = false;  // a reader begins with the oldest that the engine has
  std::string cacert;        // PEM, for whom TLS is needed
};

class Writer {
 public:
  virtual ~Writer() = default;
  // May keep it, and wait while too much is not acknowledged yet.
  virtual void write(std::string_view payload) = 0;
  // Sends what was kept.
  virtual void flush() = 0;
  virtual void finish() = 0;
};

class Reader {
 public:
  virtual ~Reader() = default;
  // Gives on what has come, or returns without anything after about a second. A reader from the oldest begins with the
  // first call, so that nothing is read before it is measured; others hear what is written from their making on.
  virtual void read(Intake& intake) = 0;
};

struct Engine {
  const char* name;
  std::function<std::unique_ptr<Writer>(const EngineOptions&)> make_writer;
  std::function<std::unique_ptr<Reader>(const EngineOptions&)> make_reader;  // none: it has no library to read with
};

// What this build has.
[[nodiscard]] std::vector<Engine> engines();

// By library, where it was found.
[[nodiscard]] std::span<const Engine> redis_engines();
[[nodiscard]] std::span<const Engine> postgres_engines();
[[nodiscard]] std::span<const Engine> nats_engines();
[[nodiscard]] std::span<const Engine> kafka_engines();
[[nodiscard]] std::span<const Engine> mqtt_engines();
[[nodiscard]] std::span<const Engine> file_engines();
[[nodiscard]] std::span<const Engine> publish_engines();

inline constexpr int read_wait_milliseconds = 1000;

// "redis://localhost:6379" → "localhost", 6379.
struct HostPort {
  std::string host;
  int port = 0;
};
[[nodiscard]] HostPort host_port(std::string_view url);

// An owner of a C object, by the function that destroys it.
template <auto destroy>
struct Destroy {
  template <class Object>
  void operator()(Object* object) const noexcept {
    destroy(object);
  }
};

}  // namespace sluice::bench
