// Finds a header's value in the lines between `head` and `end`. Needs _GNU_SOURCE for memmem.
#pragma once
#include <string.h>
#include <strings.h>

static char* header(char* head, char* end, const char* name) {
  size_t length = strlen(name);
  for (char* line = head; line < end;) {
    char* eol = memmem(line, end - line, "\r\n", 2);
    if (!eol) return NULL;
    if ((size_t)(eol - line) > length && !strncasecmp(line, name, length) && line[length] == ':') {
      line += length + 1;
      while (*line == ' ') line++;
      return line;
    }
    line = eol + 2;
  }
  return NULL;
}
