// Quantities that know their unit: a byte count cannot be added to a rate, nor dollars passed as
// seconds; the compiler says so. Values are in base units: bytes, seconds, dollars, operations.
//
//   Bytes size = 36000 * kGiB;  BytesPerSecond rate = size / (2 * kHour);  Dollars d = price *
//   size;
//
// Threads: values.
#pragma once

#include <compare>
#include <cstdint>
#include <string>

namespace atl::plan {

// Exponents of the base units.
struct Dimensions {
  int8_t bytes = 0;
  int8_t seconds = 0;
  int8_t dollars = 0;
  int8_t operations = 0;
  constexpr bool operator==(const Dimensions&) const = default;
};

template <int B, int S, int D, int O>
struct Quantity {
  static constexpr Dimensions kDimensions{B, S, D, O};
  double value = 0;

  constexpr auto operator<=>(const Quantity&) const = default;
  constexpr Quantity operator+(Quantity other) const { return {value + other.value}; }
  constexpr Quantity operator-(Quantity other) const { return {value - other.value}; }
  constexpr Quantity operator*(double by) const { return {value * by}; }
  constexpr Quantity operator/(double by) const { return {value / by}; }
  constexpr Quantity& operator+=(Quantity other) {
    value += other.value;
    return *this;
  }
};

template <int B, int S, int D, int O>
constexpr Quantity<B, S, D, O> operator*(double by, Quantity<B, S, D, O> q) {
  return {by * q.value};
}

// A product or quotient without dimension is a plain number.
template <int B, int S, int D, int O>
constexpr auto make_quantity(double value) {
  if constexpr (B == 0 && S == 0 && D == 0 && O == 0) {
    return value;
  } else {
    return Quantity<B, S, D, O>{value};
  }
}
template <int B1, int S1, int D1, int O1, int B2, int S2, int D2, int O2>
constexpr auto operator*(Quantity<B1, S1, D1, O1> a, Quantity<B2, S2, D2, O2> b) {
  return make_quantity<B1 + B2, S1 + S2, D1 + D2, O1 + O2>(a.value * b.value);
}
template <int B1, int S1, int D1, int O1, int B2, int S2, int D2, int O2>
constexpr auto operator/(Quantity<B1, S1, D1, O1> a, Quantity<B2, S2, D2, O2> b) {
  return make_quantity<B1 - B2, S1 - S2, D1 - D2, O1 - O2>(a.value / b.value);
}
template <int B, int S, int D, int O>
constexpr auto operator/(double a, Quantity<B, S, D, O> b) {
  return make_quantity<-B, -S, -D, -O>(a / b.value);
}

using Bytes = Quantity<1, 0, 0, 0>;
using Seconds = Quantity<0, 1, 0, 0>;
using Dollars = Quantity<0, 0, 1, 0>;
using Operations = Quantity<0, 0, 0, 1>;
using BytesPerSecond = Quantity<1, -1, 0, 0>;
using OperationsPerSecond = Quantity<0, -1, 0, 1>;
using PerSecond = Quantity<0, -1, 0, 0>;  // a rate of events
using DollarsPerSecond = Quantity<0, -1, 1, 0>;
using DollarsPerByte = Quantity<-1, 0, 1, 0>;
using DollarsPerByteSecond = Quantity<-1, -1, 1, 0>;
using DollarsPerOperation = Quantity<0, 0, 1, -1>;
using SecondsPerOperation = Quantity<0, 1, 0, -1>;

inline constexpr Bytes kGiB{1073741824.0};
inline constexpr Bytes kTiB = 1024 * kGiB;
inline constexpr Seconds kHour{3600};
inline constexpr Seconds kMonth = 730 * kHour;  // as clouds bill: 8,760 h / 12
inline constexpr Seconds kYear = 8760 * kHour;

// A value whose unit was read, not compiled.
struct AnyQuantity {
  double value = 0;
  Dimensions dimensions;
  bool operator==(const AnyQuantity&) const = default;
};
template <typename Q>
constexpr Dimensions dimensions_of() {
  if constexpr (requires { Q::kDimensions; }) {
    return Q::kDimensions;
  } else {
    return Dimensions{};
  }
}
template <int B, int S, int D, int O>
constexpr AnyQuantity any(Quantity<B, S, D, O> q) {
  return {q.value, Quantity<B, S, D, O>::kDimensions};
}
constexpr AnyQuantity any(double number) {
  return {number, Dimensions{}};
}

}  // namespace atl::plan
