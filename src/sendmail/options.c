#include "sendmail/options.h"
#include "sendmail/complain.h"
#include "sendmail/dsn.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>
#include <sysexits.h>

typedef enum {
    FLAG,  /* letters may follow: -ti */
    WORD,  /* nothing may follow: -bs */
    REST,  /* what follows in the same word, possibly nothing: -q15m */
    VALUE, /* what follows in the same word, else the next word: -fa@b, -f a@b */
} OptionKind;

typedef struct OptionRow {
    const char *name;
    OptionKind kind;
    int (*apply)(Options *self, const struct OptionRow *row, const char *value);
    size_t detail; /* offset of a field, or a mode */
} OptionRow;

static int
set_true(Options *self, const OptionRow *row, const char *value)
{
    *(bool *) ((char *) self + row->detail) = true;
    return EX_OK;
}

static int
set_text(Options *self, const OptionRow *row, const char *value)
{
    *(const char **) ((char *) self + row->detail) = value;
    return EX_OK;
}

static int
set_account(Options *self, const OptionRow *row, const char *value)
{
    self->account = value + (*value == '=');
    self->wants_mail = true;
    if (*self->account)
        return EX_OK;
    complain("option --account needs a value");
    return EX_USAGE;
}

static int
set_mode(Options *self, const OptionRow *row, const char *value)
{
    self->mode = (Mode) row->detail;
    return EX_OK;
}

static int
ignore(Options *self, const OptionRow *row, const char *value)
{
    return EX_OK;
}

/* Options whose value other programs open as a file, or obey in ways we don't. */
static int
ignore_aloud(Options *self, const OptionRow *row, const char *value)
{
    complain("option -%s is ignored", row->name);
    return EX_OK;
}

static int
refuse(Options *self, const OptionRow *row, const char *value)
{
    complain("option -%s%s is not supported", row->name, row->kind == REST ? value : "");
    return EX_USAGE;
}

static int
set_dots(Options *self, const OptionRow *row, const char *value)
{
    self->dots_are_data = *value != 'f' && *value != 'F';
    return EX_OK;
}

static int
set_error_mode(Options *self, const OptionRow *row, const char *value)
{
    if (*value && strchr("mwpqe", *value))
        self->errors = *value;
    complain_not(self->errors == 'q');
    return EX_OK;
}

static int
set_delivery(Options *self, const OptionRow *row, const char *value)
{
    static const struct { char letter; const char *mode; } rows[] = {
        { 'b', "queue" }, { 'd', "later" }, { 'i', "verdict" }, { 'q', "later" },
    };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((*value | 0x20) == rows[i].letter)
            self->delivery = rows[i].mode;
    }
    return EX_OK;
}

static int
refuse_directory(Options *self, const OptionRow *row, const char *value)
{
    complain("option -O QueueDirectory is not supported: the queue is shimtad's");
    return EX_USAGE;
}

/* -O Name=value; of the others none matters here. */
static int
set_long(Options *self, const OptionRow *row, const char *value)
{
    static const struct {
        const char *name;
        int (*apply)(Options *self, const OptionRow *row, const char *value);
    } rows[] = {
        { "DeliveryMode", set_delivery },
        { "ErrorMode", set_error_mode },
        { "IgnoreDots", set_dots },
        { "QueueDirectory", refuse_directory },
    };
    size_t n = strcspn(value, "=");

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (strlen(rows[i].name) == n && strncasecmp(value, rows[i].name, n) == 0)
            return rows[i].apply(self, row, value + n + (value[n] == '='));
    }
    return EX_OK;
}

static int
set_hops(Options *self, const OptionRow *row, const char *value)
{
    size_t n = strlen(value);

    if (n > 0 && n <= 9 && strspn(value, "0123456789") == n)
        self->hops = value;
    else
        complain("-h: not a number, ignored");
    return EX_OK;
}

static int
set_body(Options *self, const OptionRow *row, const char *value)
{
    if (strcasecmp(value, "7BIT") == 0)
        self->body = "7BIT";
    else if (strcasecmp(value, "8BITMIME") == 0 || strcasecmp(value, "BINARYMIME") == 0)
        self->body = "8BITMIME"; /* the strongest that lines can carry */
    else
        complain("-B %s: not a body type, ignored", value);
    return EX_OK;
}

/* -q, -qf, -q15m; -qI, -qR and -qS choose. */
static int
run_queue(Options *self, const OptionRow *row, const char *value)
{
    static const struct { char letter; const char *key; } rows[] = { { 'I', "ID" }, { 'R', "TO" }, { 'S', "FROM" } };

    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if (*value != rows[i].letter)
            continue;
        if (!value[1]) {
            complain("option -q%c needs a value", *value);
            return EX_USAGE;
        }
        self->run_queue = true;
        self->run_key = rows[i].key;
        self->run_value = value + 1;
        return EX_OK;
    }
    if (strchr("!GLQ", *value) && *value) {
        complain("option -q%s is not supported", value);
        return EX_USAGE;
    }
    bool now = !*value || strcmp(value, "f") == 0;
    self->run_queue |= now;
    self->interval |= !now;
    return EX_OK;
}

static int
set_notify(Options *self, const OptionRow *row, const char *value)
{
    if (!dsn_is_notify(value)) {
        complain("-N %s: not \"never\" or a list of success, failure, delay", value);
        return EX_USAGE;
    }
    self->notify = value;
    return EX_OK;
}

static int
set_return(Options *self, const OptionRow *row, const char *value)
{
    if (strcasecmp(value, "full") != 0 && strcasecmp(value, "hdrs") != 0) {
        complain("-R %s: not \"full\" or \"hdrs\"", value);
        return EX_USAGE;
    }
    self->ret = strcasecmp(value, "full") == 0 ? "FULL" : "HDRS";
    return EX_OK;
}

static int
set_envid(Options *self, const OptionRow *row, const char *value)
{
    if (!dsn_is_envid(value)) {
        complain("-V: not an envelope id (xtext of up to 100 characters)");
        return EX_USAGE;
    }
    self->envid = value;
    return EX_OK;
}

#define FIELD(name) offsetof(Options, name)

/* The longest name that fits wins. sendmail(8) describes each. */
static const OptionRow option_rows[] = {
    { "-account", VALUE, set_account },
    { "-help", WORD, set_mode, MODE_HELP },
    { "-version", WORD, set_mode, MODE_VERSION },
    { "A", REST, ignore },
    { "a", REST, refuse },
    { "B", VALUE, set_body },
    { "b", REST, refuse },
    { "bC", WORD, set_mode, MODE_CHECK },
    { "bD", WORD, set_mode, MODE_DAEMON_FOREGROUND },
    { "bH", WORD, set_mode, MODE_NOTHING },
    { "bP", WORD, set_mode, MODE_COUNT_QUEUE },
    { "bS", WORD, refuse },
    { "bV", WORD, set_mode, MODE_VERSION },
    { "ba", WORD, set_mode, MODE_SEND },
    { "bd", WORD, set_mode, MODE_DAEMON },
    { "bh", WORD, set_mode, MODE_NOTHING },
    { "bi", WORD, set_mode, MODE_ALIASES },
    { "bl", WORD, set_mode, MODE_DAEMON },
    { "bm", WORD, set_mode, MODE_SEND },
    { "bp", WORD, set_mode, MODE_PRINT_QUEUE },
    { "bs", WORD, set_mode, MODE_SMTP },
    { "bt", WORD, set_mode, MODE_ROUTE },
    { "bv", WORD, set_mode, MODE_VERIFY },
    { "C", VALUE, set_text, FIELD(file) },
    { "D", VALUE, ignore },
    { "d", REST, set_true, FIELD(debug) },
    { "E", REST, ignore },
    { "e", REST, set_error_mode },
    { "F", VALUE, set_text, FIELD(full_name) },
    { "f", VALUE, set_text, FIELD(sender) },
    { "G", FLAG, set_true, FIELD(gateway) },
    { "h", VALUE, set_hops },
    { "I", FLAG, set_mode, MODE_ALIASES },
    { "i", FLAG, set_dots },
    { "J", REST, ignore },
    { "L", VALUE, set_text, FIELD(tag) },
    { "M", REST, refuse },
    { "m", FLAG, ignore },
    { "N", VALUE, set_notify },
    { "n", FLAG, set_true, FIELD(no_aliases) },
    { "O", VALUE, set_long },
    { "o", REST, ignore },
    { "od", REST, set_delivery },
    { "oe", REST, set_error_mode },
    { "oi", REST, set_dots },
    { "P", REST, refuse },
    { "p", VALUE, set_text, FIELD(via) },
    { "Q", REST, ignore_aloud },
    { "q", REST, run_queue },
    { "R", VALUE, set_return },
    { "r", VALUE, set_text, FIELD(sender) },
    { "s", REST, refuse },
    { "t", FLAG, set_true, FIELD(from_headers) },
    { "tls-on-connect", WORD, refuse },
    { "U", FLAG, set_true, FIELD(utf8) },
    { "V", VALUE, set_envid },
    { "v", FLAG, set_true, FIELD(verbose) },
    { "X", VALUE, ignore_aloud },
    { "XV", REST, refuse },
    { "x", FLAG, ignore },
};

static const OptionRow *
option_find(const char *letters)
{
    const OptionRow *best = NULL;
    size_t longest = 0;

    for (size_t i = 0; i < sizeof option_rows / sizeof *option_rows; i++) {
        const OptionRow *row = &option_rows[i];
        size_t n = strlen(row->name);

        if (n > longest && strncmp(letters, row->name, n) == 0 && (row->kind != WORD || letters[n] == '\0')) {
            best = row;
            longest = n;
        }
    }
    return best;
}

static bool
has_control(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text < ' ' || *text == 0x7f)
            return true;
    }
    return false;
}

static bool
has_8bit(const char *text)
{
    for (; *text; text++) {
        if ((unsigned char) *text > 0x7f)
            return true;
    }
    return false;
}

/* `-e m`: the one attached value that old callers also write apart. */
static bool
is_error_mode(const char *word)
{
    return word && strlen(word) == 1 && strchr("mpqwe", *word);
}

/* One word of options, with *next the word after it, which may be used up. */
static int
options_word(Options *self, const char *letters, const char *const **next)
{
    while (*letters) {
        const OptionRow *row = option_find(letters);
        if (!row) {
            complain("unknown option -%s is ignored", letters);
            return EX_OK;
        }
        letters += strlen(row->name);
        const char *value = "";
        if (row->kind == REST || row->kind == VALUE) {
            value = letters;
            letters += strlen(letters);
        }
        bool apart = row->kind == VALUE || (strcmp(row->name, "e") == 0 && is_error_mode(**next));
        if (!*value && apart) {
            if (!**next) {
                complain("option -%s needs a value", row->name);
                return EX_USAGE;
            }
            value = *(*next)++;
        }
        if (has_control(value)) {
            complain("option -%s: a control character in its value", row->name);
            return EX_DATAERR;
        }
        self->wants_mail |= !row->name[1] && strchr("BFGNRUVfhinprt", row->name[0]);
        int status = row->apply(self, row, value);
        if (status != EX_OK)
            return status;
    }
    return EX_OK;
}

static Mode
mode_of_program(const char *path)
{
    static const struct { const char *name; Mode mode; } rows[] = {
        { "mailq", MODE_PRINT_QUEUE }, { "newaliases", MODE_ALIASES }, { "hoststat", MODE_NOTHING },
        { "purgestat", MODE_NOTHING }, { "runq", MODE_RUN_QUEUE },       { "smtpd", MODE_NOTHING },
    };
    const char *slash = path ? strrchr(path, '/') : NULL;
    const char *name = slash ? slash + 1 : path;

    /* The name up to a dot: alternatives(8) likes mailq.shimta. */
    for (size_t i = 0; name && i < sizeof rows / sizeof *rows; i++) {
        size_t n = strlen(rows[i].name);
        if (strncmp(name, rows[i].name, n) == 0 && (name[n] == '\0' || name[n] == '.'))
            return rows[i].mode;
    }
    return MODE_SEND;
}

static int
options_check_sender(Options *self)
{
    const char *rest = self->sender, *why = NULL;
    char more[ADDRESS_BYTES];

    if (!rest)
        return EX_OK;
    AddressResult result = address_next(&rest, self->sender_path, &why);
    if (result == ADDRESS_FOUND && address_next(&rest, more, &why) != ADDRESS_END) {
        result = ADDRESS_BAD;
        why = "more than one address";
    }
    self->utf8 |= has_8bit(self->sender_path);
    if (result != ADDRESS_BAD)
        return EX_OK;
    complain("-f %s: bad sender address: %s", self->sender, why);
    return EX_DATAERR;
}

static int
options_check_address(Options *self, const char *word)
{
    const char *rest = word, *why = NULL;
    char path[ADDRESS_BYTES];
    AddressResult result;
    int found = 0;

    while ((result = address_next(&rest, path, &why)) == ADDRESS_FOUND && path[0]) {
        self->utf8 |= has_8bit(path);
        found++;
    }
    if (result == ADDRESS_END && found > 0)
        return EX_OK;
    complain("%s: bad address: %s", word, result == ADDRESS_BAD ? why : "no address in it");
    return EX_DATAERR;
}

/* Whether the addresses are any is what -bv is to tell; -bt can read them. */
static int
options_settle_test(const Options *self)
{
    if (self->mode == MODE_ROUTE || (self->n_addresses > 0 && !self->from_headers))
        return EX_OK;
    complain("-bv goes with addresses, without -t");
    return EX_USAGE;
}

/* What the words mean together. */
static int
options_settle(Options *self)
{
    int status = options_check_sender(self);

    if (self->mode == MODE_VERIFY || self->mode == MODE_ROUTE)
        return status == EX_OK ? options_settle_test(self) : status;
    for (int i = 0; status == EX_OK && i < self->n_addresses; i++)
        status = options_check_address(self, self->addresses[i]);
    if (status != EX_OK)
        return status;

    /* A daemon must not start because words for it slipped into the command line of a mail. */
    bool daemon = self->mode == MODE_DAEMON || self->mode == MODE_DAEMON_FOREGROUND;
    if (daemon && (self->wants_mail || self->n_addresses > 0)) {
        complain("-bd and -bD go with no option or address of a mail");
        return EX_USAGE;
    }
    if (self->mode == MODE_SMTP && self->delivery && strcmp(self->delivery, "queue") != 0)
        complain("-od is not for -bs: delivery is what the listener has");
    if (self->mode == MODE_SEND && !self->from_headers && self->n_addresses == 0) {
        if (self->run_queue || self->interval) {
            self->mode = self->run_queue ? MODE_RUN_QUEUE : MODE_NOTHING;
            if (!self->run_queue)
                complain("-q with an interval starts nothing: shimtad tries again by itself");
            return EX_OK;
        }
        complain("no recipients given: name them, or use -t to take them from the header");
        return EX_USAGE;
    }
    return EX_OK;
}

int
options_parse(Options *self, int argc, const char *const argv[])
{
    const char *const *next = argv + (argc > 0);

    *self = (Options) { .mode = mode_of_program(argc > 0 ? argv[0] : NULL) };
    while (*next && **next == '-' && (*next)[1]) {
        const char *word = *next++;
        if (strcmp(word, "--") == 0)
            break;
        int status = options_word(self, word + 1, &next);
        if (status != EX_OK)
            return status;
    }
    self->addresses = next;
    self->n_addresses = argc - (int) (next - argv);
    return options_settle(self);
}
