#include "config.h"
#include "sendmail/settings.h"
#include "sendmail/complain.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>
#include <unistd.h>

#define LINE_BYTES 4096
#define MAX_BYTES (25LL << 20) /* max-size where none is set */

typedef enum { SECTION_OTHER, SECTION_SHIMTA, SECTION_LISTEN } Section;

typedef struct {
    Section section;
    bool sendmail;            /* this listener's key */
    char address[LINE_BYTES]; /* likewise */
    long long max_bytes;      /* likewise */
    char state_dir[LINE_BYTES], drop_dir[LINE_BYTES];
    bool found;               /* a listener for sendmail came before */
} SettingsReader;

/* Cuts blanks at both ends. */
static char *
trim(char *text)
{
    text += strspn(text, " \t");
    size_t n = strlen(text);
    while (n > 0 && strchr(" \t\r\n", text[n - 1]))
        n--;
    text[n] = '\0';
    return text;
}

/* `#` after a blank begins a comment. */
static void
cut_comment(char *value)
{
    for (char *hash = strchr(value, '#'); hash; hash = strchr(hash + 1, '#')) {
        if (hash == value || hash[-1] == ' ' || hash[-1] == '\t') {
            *hash = '\0';
            return;
        }
    }
}

static bool
is_yes(const char *value)
{
    return strcasecmp(value, "yes") == 0 || strcasecmp(value, "true") == 0 || strcasecmp(value, "on") == 0;
}

static int
parse_wait_ms(const char *value, int fallback)
{
    static const struct { char unit; long ms; } units[] = { { 's', 1000 }, { 'm', 60000 }, { 'h', 3600000 }, { 'd', 86400000 } };
    char *end;
    long n = strtol(value, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (end > value && end[0] == units[i].unit && end[1] == '\0' && n >= 0 && n <= INT_MAX / units[i].ms)
            return (int) (n * units[i].ms);
    }
    return fallback;
}

static long long
parse_bytes(const char *value, long long fallback)
{
    static const struct { const char *unit; long long bytes; } units[] = {
        { "", 1 }, { "k", 1 << 10 }, { "M", 1 << 20 }, { "G", 1 << 30 },
    };
    char *end;
    long long n = strtoll(value, &end, 10);

    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        if (end > value && strcasecmp(end, units[i].unit) == 0 && n > 0 && n <= LLONG_MAX / units[i].bytes)
            return n * units[i].bytes;
    }
    return fallback;
}

/* A listener's section is over: the first one meant for sendmail gives the socket. */
static int
settings_end_section(Settings *self, SettingsReader *reader)
{
    if (reader->section != SECTION_LISTEN || !reader->sendmail || reader->found)
        return EX_OK;
    reader->found = true;
    self->max_bytes = reader->max_bytes;

    const char *path = strchr(reader->address, '/');
    size_t n = path ? strcspn(path, ", \t") : 0;
    bool plain = path && (path == reader->address || strchr(", \t", path[-1])) && !memchr(path, '$', n);
    if (!plain || n >= sizeof self->socket) {
        complain("configuration: the listener with \"sendmail = yes\" needs the path of a socket: \"%s\"",
                 reader->address);
        return EX_CONFIG;
    }
    memcpy(self->socket, path, n);
    self->socket[n] = '\0';
    return EX_OK;
}

static void
settings_begin_section(SettingsReader *reader, const char *name)
{
    bool listen = strncmp(name, "listen", 6) == 0 && (name[6] == ' ' || name[6] == '\t');

    reader->section = strcmp(name, "shimta") == 0 ? SECTION_SHIMTA : listen ? SECTION_LISTEN : SECTION_OTHER;
    reader->sendmail = false;
    reader->max_bytes = MAX_BYTES;
    reader->address[0] = '\0';
}

static void
settings_key(Settings *self, SettingsReader *reader, const char *key, const char *value)
{
    if (reader->section == SECTION_SHIMTA && strcmp(key, "submit") == 0)
        self->direct = strcasecmp(value, "direct") == 0;
    else if (reader->section == SECTION_SHIMTA && strcmp(key, "submit-wait") == 0)
        self->wait_ms = parse_wait_ms(value, self->wait_ms);
    else if (reader->section == SECTION_SHIMTA && strcmp(key, "state-dir") == 0)
        snprintf(reader->state_dir, sizeof reader->state_dir, "%s", value);
    else if (reader->section == SECTION_SHIMTA && strcmp(key, "drop-dir") == 0)
        snprintf(reader->drop_dir, sizeof reader->drop_dir, "%s", value);
    else if (reader->section == SECTION_LISTEN && strcmp(key, "max-size") == 0)
        reader->max_bytes = parse_bytes(value, reader->max_bytes);
    else if (reader->section == SECTION_LISTEN && strcmp(key, "sendmail") == 0)
        reader->sendmail = is_yes(value);
    else if (reader->section == SECTION_LISTEN && strcmp(key, "address") == 0)
        snprintf(reader->address, sizeof reader->address, "%s", value);
}

static int
settings_line(Settings *self, SettingsReader *reader, char *line)
{
    char *text = trim(line), *equals = strchr(text, '=');

    if (*text == '#')
        return EX_OK;
    if (*text == '[') {
        int status = settings_end_section(self, reader);
        text[strcspn(text, "]")] = '\0';
        settings_begin_section(reader, trim(text + 1));
        return status;
    }
    if (equals) {
        *equals = '\0';
        cut_comment(equals + 1);
        settings_key(self, reader, trim(text), trim(equals + 1));
    }
    return EX_OK;
}

/* A path that only shimtad can work out (${…}), or a long one, is nowhere. */
static void
settings_choose_drop(Settings *self, const SettingsReader *reader)
{
    int n;

    if (reader->drop_dir[0])
        n = snprintf(self->drop, sizeof self->drop, "%s", reader->drop_dir);
    else
        n = snprintf(self->drop, sizeof self->drop, "%s/drop",
                     reader->state_dir[0] ? reader->state_dir : LOCALSTATEDIR "/lib/shimta");
    if (n < 0 || (size_t) n >= sizeof self->drop || self->drop[0] != '/' || strchr(self->drop, '$'))
        self->drop[0] = '\0';
}

static const char *
settings_file(Settings *self, const char *option)
{
    if (option && getuid() == 0)
        complain("option -C is not for root, ignored");
    else if (option)
        return option;
    self->file = getenv("SHIMTA_CONF");
    if (self->file && !*self->file)
        self->file = NULL;
    return self->file ? self->file : SYSCONFDIR "/shimta/shimta.conf";
}

int
settings_read(Settings *self, const char *option)
{
    static SettingsReader reader;
    static char line[LINE_BYTES];
    int status = EX_OK;

    reader = (SettingsReader) { .max_bytes = MAX_BYTES };
    *self = (Settings) { .wait_ms = 5000, .max_bytes = MAX_BYTES };
    snprintf(self->socket, sizeof self->socket, "%s", RUNSTATEDIR "/shimta/submit.sock");

    const char *path = settings_file(self, option);
    FILE *file = fopen(path, "re");
    if (!file && path == option) {
        complain("-C: cannot read the file: %s", strerror(errno));
        return EX_CONFIG;
    }
    while (file && status == EX_OK && fgets(line, sizeof line, file))
        status = settings_line(self, &reader, line);
    if (file)
        fclose(file);
    if (status == EX_OK)
        status = settings_end_section(self, &reader);
    settings_choose_drop(self, &reader);
    if (path == option) {
        self->drop[0] = '\0';
        self->direct = false;
    }
    return status;
}
