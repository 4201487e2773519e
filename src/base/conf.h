/* Configuration: sections of `key = value` (the syntax of GKeyFile, which forgets the line
 * numbers) read into structs by tables. The modules that use settings own struct and table;
 * this file knows nothing about mail. `#` at the start of a line or after a blank begins a
 * comment; ${NAME} in a value is replaced from the environment. Errors name file, line, section
 * and key: "shimta.conf:12: [account main] unknown key 'urll', did you mean 'url'?". Start-up and
 * reload only; one thread. */
#pragma once

#include <glib.h>
#include <stdbool.h>
#include <stddef.h>

#define CONF_ERROR (g_quark_from_static_string("conf"))

typedef enum {
    CONF_STRING,  /* char *; "" stays "", no default and absent: NULL */
    CONF_LIST,    /* char **, comma- or blank-separated, NULL-terminated, never NULL */
    CONF_UINT,    /* guint */
    CONF_SIZE,    /* gint64 bytes; suffix k, M or G (powers of 1024) */
    CONF_TIME,    /* gint64 milliseconds; suffix s, m, h or d, required */
    CONF_BOOL,    /* bool; yes, no, true, false, on, off */
    CONF_MODE,    /* guint, octal file mode */
    CONF_CHOICE,  /* int; the value's place in choices */
} ConfType;

typedef struct {
    const char *name;
    size_t offset;
    ConfType type;
    const char *fallback;           /* text form of the default; NULL: none */
    gint64 min, max;                /* numbers only; both 0: unlimited */
    const char *const *choices;     /* CONF_CHOICE: NULL-terminated */
    bool required;
} ConfKey;

/* One row of a table; further members follow as designated initializers:
 * CONF_KEY(SmtpConf, max_bytes, "max-size", CONF_SIZE, "25M", .min = 1) */
#define CONF_KEY(Struct, field, key, kind, text, ...)                                              \
    { .name = (key), .offset = offsetof(Struct, field), .type = (kind), .fallback = (text), __VA_ARGS__ }

typedef struct ConfFile ConfFile;

ConfFile *conf_open(const char *path, GError **error);
ConfFile *conf_open_text(const char *name, const char *text, GError **error);
void conf_free(ConfFile *self);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(ConfFile, conf_free)

/* Names of the sections "[kind NAME]" in file order; "" for plain "[kind]". Caller frees
 * with g_strfreev(). */
char **conf_names(const ConfFile *self, const char *kind);

/* Reads the keys of table (ended by a zero row) from "[kind NAME]" (name "": "[kind]") into the
 * struct at into, which must be zeroed; keys the section lacks get their default. The keys
 * count as known from then on. A section may be read by several tables. On error `into`
 * holds nothing that conf_clear() would not free. */
bool conf_read(ConfFile *self, const char *kind, const char *name, const ConfKey *table, void *into,
               GError **error);

/* True if the section sets the key itself. */
bool conf_has(const ConfFile *self, const char *kind, const char *name, const char *key);

/* Sets error to "file:line: [section] key: reason"; with key NULL about the section. Always
 * returns false. */
bool conf_fail(const ConfFile *self, const char *kind, const char *name, const char *key, GError **error,
               const char *format, ...) G_GNUC_PRINTF(6, 7);

/* Last step: every section and key that no conf_read() asked for is an error. */
bool conf_check_unknown(const ConfFile *self, GError **error);

/* Frees what conf_read() put into the struct and zeroes those fields. */
void conf_clear(const ConfKey *table, void *into);

/* Appends "key = value" lines, defaults included, in table order: `shimtad -n`. */
void conf_print(const ConfKey *table, const void *from, GString *out);
