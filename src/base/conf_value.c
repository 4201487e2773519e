#include "base/conf_value.h"

#include <string.h>

typedef struct {
    char suffix;
    gint64 factor;
} ConfUnit;

static const ConfUnit conf_sizes[] = {
    { 'G', 1024 * 1024 * 1024 }, { 'M', 1024 * 1024 }, { 'k', 1024 }, { 0 },
};
static const ConfUnit conf_times[] = {
    { 'd', 24 * 3600 * 1000 }, { 'h', 3600 * 1000 }, { 'm', 60 * 1000 }, { 's', 1000 }, { 0 },
};
static const char *const conf_true[] = { "yes", "true", "on", NULL };
static const char *const conf_false[] = { "no", "false", "off", NULL };

static bool G_GNUC_PRINTF(2, 3)
conf_reason(GError **error, const char *format, ...)
{
    va_list args;

    va_start(args, format);
    if (error)
        *error = g_error_new_valist(CONF_ERROR, 0, format, args);
    va_end(args);
    return false;
}

static guint
conf_distance(const char *a, const char *b)
{
    enum { LONGEST = 40 };
    guint row[LONGEST + 1];
    size_t width = strlen(b);

    if (width > LONGEST || strlen(a) > LONGEST)
        return G_MAXUINT;
    for (guint j = 0; j <= width; j++)
        row[j] = j;
    for (guint i = 1; a[i - 1]; i++) {
        guint diagonal = row[0];

        row[0] = i;
        for (guint j = 1; j <= width; j++) {
            guint changed = diagonal + (a[i - 1] != b[j - 1]);

            diagonal = row[j];
            row[j] = MIN(changed, MIN(row[j], row[j - 1]) + 1);
        }
    }
    return row[width];
}

const char *
conf_nearest(const char *word, const char *const *names)
{
    const char *best = NULL;
    guint best_distance = MAX(strlen(word) / 3, 1) + 1;

    for (; *names; names++) {
        guint distance = conf_distance(word, *names);

        if (distance < best_distance) {
            best = *names;
            best_distance = distance;
        }
    }
    return best;
}

static const ConfUnit *
conf_units(ConfType type)
{
    return type == CONF_SIZE ? conf_sizes : type == CONF_TIME ? conf_times : NULL;
}

static char *
conf_number_text(ConfType type, gint64 value)
{
    if (type == CONF_MODE)
        return g_strdup_printf("%04" G_GINT64_MODIFIER "o", value);
    for (const ConfUnit *unit = conf_units(type); unit && unit->suffix; unit++)
        if (value != 0 && value % unit->factor == 0)
            return g_strdup_printf("%" G_GINT64_FORMAT "%c", value / unit->factor, unit->suffix);
    return g_strdup_printf("%" G_GINT64_FORMAT "%s", value, type == CONF_TIME ? "s" : "");
}

static gint64
conf_factor(const ConfUnit *units, const char *suffix)
{
    for (; units && units->suffix; units++)
        if (g_ascii_tolower(*suffix) == g_ascii_tolower(units->suffix) && !suffix[1])
            return units->factor;
    return 0;
}

static bool
conf_check_range(const ConfKey *key, gint64 value, GError **error)
{
    if ((key->min == 0 && key->max == 0) || (value >= key->min && value <= key->max))
        return true;

    g_autofree char *min = conf_number_text(key->type, key->min);
    g_autofree char *max = conf_number_text(key->type, key->max);
    if (value < key->min)
        return conf_reason(error, "must be at least %s", min);
    return conf_reason(error, "must be at most %s", max);
}

/* largest: what the member can hold. */
static bool
conf_parse_number(const ConfKey *key, const char *text, gint64 largest, gint64 *into, GError **error)
{
    static const char *const wanted[] = {
        [CONF_UINT] = "a number", [CONF_MODE] = "an octal file mode such as 0660",
        [CONF_SIZE] = "a size such as 500, 64k, 25M or 1G", [CONF_TIME] = "a time such as 30s, 5m, 12h or 7d",
    };
    guint base = key->type == CONF_MODE ? 8 : 10;
    const char *end = text;
    gint64 value = 0;
    bool fits = true;

    for (; *end >= '0' && *end < (char) ('0' + base); end++) {
        fits = fits && value <= (G_MAXINT64 - (*end - '0')) / base;
        value = fits ? value * base + (*end - '0') : 0;
    }
    gint64 factor = *end ? conf_factor(conf_units(key->type), end) : key->type == CONF_TIME ? 0 : 1;
    if (end == text || factor == 0)
        return conf_reason(error, "'%s' is not %s", text, wanted[key->type]);
    if (!fits || value > largest / factor)
        return conf_reason(error, "'%s' is too large", text);
    if (!conf_check_range(key, value * factor, error))
        return false;
    *into = value * factor;
    return true;
}

static bool
conf_parse_uint(const ConfKey *key, const char *text, guint *field, GError **error)
{
    gint64 value;

    if (!conf_parse_number(key, text, key->type == CONF_MODE ? 07777 : G_MAXUINT, &value, error))
        return false;
    *field = value;
    return true;
}

static bool
conf_parse_bool(const char *text, bool *field, GError **error)
{
    for (guint i = 0; conf_true[i]; i++) {
        bool yes = g_ascii_strcasecmp(text, conf_true[i]) == 0;

        if (yes || g_ascii_strcasecmp(text, conf_false[i]) == 0) {
            *field = yes;
            return true;
        }
    }
    return conf_reason(error, "'%s' is neither yes nor no", text);
}

static bool
conf_parse_choice(const ConfKey *key, const char *text, int *field, GError **error)
{
    for (int i = 0; key->choices[i]; i++) {
        if (strcmp(text, key->choices[i]) == 0) {
            *field = i;
            return true;
        }
    }
    g_autofree char *all = g_strjoinv(", ", (char **) key->choices);
    return conf_reason(error, "'%s' is none of %s", text, all);
}

static char **
conf_split(const char *text)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new();

    for (const char *at = text; *at;) {
        size_t length = strcspn(at, ", \t");

        if (length > 0)
            g_ptr_array_add(words, g_strndup(at, length));
        at += MAX(length, 1);
    }
    g_ptr_array_add(words, NULL);
    return (char **) g_ptr_array_free(g_steal_pointer(&words), FALSE);
}

bool
conf_value_parse(const ConfKey *key, const char *text, void *field, GError **error)
{
    switch (key->type) {
    case CONF_STRING:
        *(char **) field = g_strdup(text);
        return true;
    case CONF_LIST:
        *(char ***) field = conf_split(text);
        return true;
    case CONF_UINT:
    case CONF_MODE:
        return conf_parse_uint(key, text, field, error);
    case CONF_SIZE:
    case CONF_TIME:
        return conf_parse_number(key, text, G_MAXINT64, field, error);
    case CONF_BOOL:
        return conf_parse_bool(text, field, error);
    case CONF_CHOICE:
        return conf_parse_choice(key, text, field, error);
    }
    g_assert_not_reached();
}

void
conf_value_absent(const ConfKey *key, void *field)
{
    if (key->type == CONF_LIST)
        *(char ***) field = g_new0(char *, 1);
}

void
conf_value_clear(const ConfKey *key, void *field)
{
    static const size_t sizes[] = {
        [CONF_STRING] = sizeof(char *), [CONF_LIST] = sizeof(char **), [CONF_UINT] = sizeof(guint),
        [CONF_SIZE] = sizeof(gint64), [CONF_TIME] = sizeof(gint64), [CONF_BOOL] = sizeof(bool),
        [CONF_MODE] = sizeof(guint), [CONF_CHOICE] = sizeof(int),
    };

    if (key->type == CONF_STRING)
        g_free(*(char **) field);
    if (key->type == CONF_LIST)
        g_strfreev(*(char ***) field);
    memset(field, 0, sizes[key->type]);
}

char *
conf_value_text(const ConfKey *key, const void *field)
{
    switch (key->type) {
    case CONF_STRING:
        return g_strdup(*(char *const *) field);
    case CONF_LIST:
        return g_strjoinv(", ", *(char **const *) field);
    case CONF_UINT:
    case CONF_MODE:
        return conf_number_text(key->type, *(const guint *) field);
    case CONF_SIZE:
    case CONF_TIME:
        return conf_number_text(key->type, *(const gint64 *) field);
    case CONF_BOOL:
        return g_strdup(*(const bool *) field ? "yes" : "no");
    case CONF_CHOICE:
        return g_strdup(key->choices[*(const int *) field]);
    }
    g_assert_not_reached();
}
