// Event ids: where one stream stands in each of its sources, as the text of an `id:` line and back.
//   one source       k3fa9x.1234                                  the position itself
//   several          orders=1795332250205-0;fleet=k3fa9x.90      one part per source or topic name
// Pure; written by topic and serve on the worker's thread, parsed once per subscriber from what it sends back, so any
// text is expected: it gets an error, never a position that we did not write.
// Bytes that are not CORS-safe, that would end a part or a header, or that a hand-copied query would lose are
// percent-encoded. Invariant: a list of parts has exactly one text; of others only those with repeats parse to it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <boost/system/result.hpp>

namespace sluice::proto {

// --- Parts ---------------------------------------------------------------------------------------------------------

struct IdPart {
  std::string name;      // of the source or topic; empty in an id of one source
  std::string position;  // opaque to all but its source; never holds NUL, CR or LF
  friend bool operator==(const IdPart&, const IdPart&) = default;
};

struct IdPartView {
  std::string_view name;
  std::string_view position;
};

struct IdLimits {
  std::size_t bytes = 4096;  // as sent, encoded
  std::size_t parts = 64;    // repeated ones included
};

enum class IdError : std::uint8_t { too_long = 1, too_many_parts, malformed };
[[nodiscard]] boost::system::error_code make_error_code(IdError error);

// No text, no parts. Of parts with the same name the first counts and is the only one returned.
[[nodiscard]] boost::system::result<std::vector<IdPart>> parse_event_id(std::string_view text,
                                                                        const IdLimits& limits = {});
// Either one part without a name or any number of parts that all have one, no name twice, no position empty. Names and
// positions with NUL, CR or LF are written (encoded), but not read back.
void append_event_id(std::string& out, std::span<const IdPartView> parts);

// --- Positions of our own logs -------------------------------------------------------------------------------------

// One incarnation of a log: exactly 6 characters of Crockford's base32 in lower case (30 bits), so that an id stays
// short.
class Epoch {
 public:
  static constexpr std::size_t size = 6;

  // The lowest 30 bits count.
  [[nodiscard]] static Epoch from_random(std::uint32_t random);
  [[nodiscard]] static std::optional<Epoch> parse(std::string_view text);
  [[nodiscard]] std::string_view text() const { return {characters_.data(), characters_.size()}; }
  friend bool operator==(const Epoch&, const Epoch&) = default;

 private:
  Epoch() = default;
  std::array<char, size> characters_;
};

// "k3fa9x.1234"
struct EpochSequence {
  Epoch epoch;
  std::uint64_t sequence;
  friend bool operator==(const EpochSequence&, const EpochSequence&) = default;
};

// Only what append_epoch_sequence() writes: a sequence with leading zeros, a sign or above 2^64-1 is none.
[[nodiscard]] std::optional<EpochSequence> parse_epoch_sequence(std::string_view text);
void append_epoch_sequence(std::string& out, const Epoch& epoch, std::uint64_t sequence);

}  // namespace sluice::proto

template <>
struct boost::system::is_error_code_enum<sluice::proto::IdError> : std::true_type {};
