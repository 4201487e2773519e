#include "shimta/words.h"

#include "shimta/shimta.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

enum { MAX_WORDS = 100000 };

static int
add_word(GPtrArray *words, const char *text)
{
    if (words->len == MAX_WORDS) {
        complain("at most %d at a time", MAX_WORDS);
        return EX_USAGE;
    }
    if (!g_utf8_validate(text, -1, NULL)) {
        complain("an argument is not UTF-8");
        return EX_USAGE;
    }
    g_ptr_array_add(words, g_strdup(text));
    return EX_OK;
}

static int
add_lines(GPtrArray *words)
{
    char *line = NULL;
    size_t size = 0;
    int status = EX_OK;

    while (status == EX_OK && getline(&line, &size, stdin) >= 0) {
        if (*g_strstrip(line))
            status = add_word(words, line);
    }
    free(line);
    if (status == EX_OK && ferror(stdin)) {
        complain("standard input: %s", g_strerror(errno));
        return EX_IOERR;
    }
    return status;
}

int
words_add(GPtrArray *words, const char *text)
{
    return strcmp(text, "-") == 0 ? add_lines(words) : add_word(words, text);
}

GPtrArray *
words_read(char **args, int *status)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);

    *status = EX_OK;
    for (; *args && *status == EX_OK; args++)
        *status = words_add(words, *args);
    if (*status == EX_OK && words->len == 0) {
        complain("there is nothing on standard input");
        *status = EX_USAGE;
    }
    return *status == EX_OK ? g_steal_pointer(&words) : NULL;
}
