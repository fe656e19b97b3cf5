// Samples of a duration and their percentiles, kept in units of 0.1 us.
#pragma once
#include <stdint.h>
#include <stdlib.h>

typedef struct {
  uint32_t* values;
  size_t count, capacity;
} Samples;

static void add_sample(Samples* samples, int64_t ns) {
  if (samples->count == samples->capacity) {
    samples->capacity = samples->capacity ? samples->capacity * 2 : 1 << 16;
    samples->values = realloc(samples->values, samples->capacity * sizeof *samples->values);
  }
  int64_t tenths = ns < 0 ? 0 : ns / 100;
  samples->values[samples->count++] = tenths > UINT32_MAX ? UINT32_MAX : (uint32_t)tenths;
}

static int by_value(const void* a, const void* b) {
  uint32_t x = *(const uint32_t*)a, y = *(const uint32_t*)b;
  return x < y ? -1 : x > y;
}

static double percentile_us(const Samples* sorted, double share) {
  return sorted->count ? sorted->values[(size_t)(share * (sorted->count - 1))] / 10.0 : -1;
}
