#pragma once

// Is this a build with sanitizers? It takes ten times as long: what tries one thing after another
// may try fewer there.
#if defined(__SANITIZE_ADDRESS__)
inline constexpr bool kSanitized = true;
#elif defined(__has_feature)
inline constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
inline constexpr bool kSanitized = false;
#endif

// The step from case to case: each is tried, or under the sanitizers one of that many.
template <int kUnderSanitizers>
inline constexpr int kStride = kSanitized ? kUnderSanitizers : 1;
