/* The conformance test that every Source has to pass. */
#pragma once

#include "base/source.h"

/* Reads source in steps of 1, 7, 4096 and 65536 bytes, rewound between, and after a partial read, and
 * compares with the n bytes wanted. */
void source_check(Source *source, const char *want, size_t n);
