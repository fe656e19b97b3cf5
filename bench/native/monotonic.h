// The clock that load generator and fake provider share.
#pragma once
#include <stdint.h>
#include <time.h>

#define NS_PER_S 1000000000LL

static int64_t now_ns(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec * NS_PER_S + t.tv_nsec;
}
