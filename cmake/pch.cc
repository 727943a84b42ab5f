// Carries the precompiled header; see cmake/atoll.cmake.
