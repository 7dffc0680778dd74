// Kinds of values: how a node of the file (or bare text from the environment and the command line) becomes the type of
// a Config member, what the reference says about it, and how it is written back. Used by the table in keys.h only.
// Each kind has three functions:
//   read(node)    the value; throws BadValue with what is wrong and what to write
//   describe()    "duration, 1s to 1h": the type and bounds in the reference and in messages
//   show(value)   TOML that read() turns back into the value; empty: not set, and left out
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "gateway/config/config.h"
#include "gateway/config/document.h"

namespace sluice::config {

struct BadValue {
  std::string text;            // follows the key: "is 0; expected count, 1 to 1000"
  bool out_of_bounds = false;  // the key's reason is then worth telling
};

struct Count {
  std::uint64_t least, most;
  [[nodiscard]] std::uint64_t read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(std::uint64_t value);
};

struct Number {
  double least, most;
  [[nodiscard]] double read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(double value);
};

struct Size {
  std::uint64_t least, most;  // bytes
  [[nodiscard]] std::uint64_t read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(std::uint64_t bytes);
};

struct Duration {
  std::chrono::milliseconds least, most;
  [[nodiscard]] std::chrono::milliseconds read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(std::chrono::milliseconds value);
};

struct Flag {
  [[nodiscard]] static bool read(const Node& node);
  [[nodiscard]] static std::string describe();
  [[nodiscard]] static std::string show(bool value);
};

struct Text {
  std::string_view what;  // "URL"
  [[nodiscard]] std::string read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(const std::string& value);
};

struct TextList {
  std::string_view what;  // "origins"
  [[nodiscard]] std::vector<std::string> read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(const std::vector<std::string>& values);
};

// "80%: 10s", each.
struct RetrySteps {
  [[nodiscard]] static std::vector<RetryStep> read(const Node& node);
  [[nodiscard]] static std::string describe();
  [[nodiscard]] static std::string show(const std::vector<RetryStep>& steps);
};

struct File {
  [[nodiscard]] static std::filesystem::path read(const Node& node);
  [[nodiscard]] static std::string describe();
  [[nodiscard]] static std::string show(const std::filesystem::path& path);
  [[nodiscard]] static std::string show(const std::optional<std::filesystem::path>& path);
};

// "auto" is 0.
struct Workers {
  unsigned most;
  [[nodiscard]] unsigned read(const Node& node) const;
  [[nodiscard]] std::string describe() const;
  [[nodiscard]] static std::string show(unsigned value);
};

struct Address {
  [[nodiscard]] static ListenAddress read(const Node& node);
  [[nodiscard]] static std::string describe();
  [[nodiscard]] static std::string show(const ListenAddress& address);
};

struct AddressOrOff {
  [[nodiscard]] static std::optional<ListenAddress> read(const Node& node);
  [[nodiscard]] static std::string describe();
  [[nodiscard]] static std::string show(const std::optional<ListenAddress>& address);
};

// The index of the word among `words`, for Choice.
[[nodiscard]] std::size_t read_word(const Node& node, const std::vector<std::string_view>& words);
[[nodiscard]] std::string describe_words(const std::vector<std::string_view>& words);
[[nodiscard]] std::string toml_string(std::string_view text);

template <class Value>
struct Choice {
  std::vector<std::pair<std::string_view, Value>> choices;

  [[nodiscard]] Value read(const Node& node) const { return choices[read_word(node, words())].second; }
  [[nodiscard]] std::string describe() const { return describe_words(words()); }
  [[nodiscard]] std::string show(const Value& value) const {
    for (const auto& [word, meaning] : choices)
      if (meaning == value) return toml_string(word);
    return {};
  }

 private:
  [[nodiscard]] std::vector<std::string_view> words() const {
    std::vector<std::string_view> words;
    for (const auto& choice : choices) words.push_back(choice.first);
    return words;
  }
};

}  // namespace sluice::config
