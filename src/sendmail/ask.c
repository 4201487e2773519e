#include "sendmail/ask.h"
#include "sendmail/complain.h"
#include "sendmail/talk.h"
#include "sendmail/xtext.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>

#define QUEUE_HEADING "----Queue ID----- --Size-- ---Arrival Time---- --Sender/Recipient------\n"
#define ID_COLUMNS 17 /* id and mark, then the size */

typedef struct {
    const Options *options;
    Talk talk;
    const char *path; /* the address asked for, in front of each line; NULL: none */
    unsigned long long mails, bytes;
} Asking;

/* --- asking -------------------------------------------------------------------------------------- */

static int __attribute__((format(printf, 3, 4)))
ask(Asking *self, void (*line)(const char *text, size_t n, void *user), const char *format, ...)
{
    char command[2048];
    va_list args;

    va_start(args, format);
    int n = vsnprintf(command, sizeof command - 2, format, args);
    va_end(args);
    if (n < 0 || (size_t) n >= sizeof command - 2) {
        complain("too long to be asked");
        return EX_DATAERR;
    }
    memcpy(command + n, "\r\n", 2);
    if (self->talk.link.trace)
        fprintf(stderr, "%.*s", n + 2, command);
    LinkResult result = link_send(&self->talk.link, command, (size_t) n + 2, false);
    if (result == LINK_OK)
        result = link_reply_each(&self->talk.link, &self->talk.reply, line, self);
    return result == LINK_OK ? EX_OK : talk_lost(&self->talk, result, "while it was to answer");
}

/* The same for a question that has one right answer. */
static int
judged(const Asking *self, int status)
{
    return status != EX_OK || self->talk.reply.code / 100 == 2 ? status : talk_refused(&self->talk, "shimtad");
}

/* --- the queue ----------------------------------------------------------------------------------- */

/* A mail's first line begins with its id, the lines of its recipients with blanks. */
static void
print_queue_line(const char *text, size_t n, void *user)
{
    Asking *self = user;

    if (n > ID_COLUMNS && isalnum((unsigned char) text[0])) {
        fputs(self->mails++ == 0 ? QUEUE_HEADING : "\n", stdout);
        self->bytes += strtoull(text + ID_COLUMNS, NULL, 10);
    }
    fwrite(text, 1, n, stdout);
    putchar('\n');
}

/* Page by page, so that neither side holds more than one. */
static int
print_queue(Asking *self)
{
    static const char more[] = "MORE=";
    char after[128] = "";
    int status;

    do {
        status = judged(self, ask(self, print_queue_line, "XQUEUE LIST%s%s", *after ? " AFTER=" : "", after));
        const char *text = self->talk.reply.text;
        bool last = strncmp(text, more, strlen(more)) != 0;
        snprintf(after, sizeof after, "%s", last ? "" : text + strlen(more));
    } while (status == EX_OK && *after && !ferror(stdout));
    if (status != EX_OK)
        return status;
    if (self->mails == 0)
        puts("Mail queue is empty");
    else
        printf("\n-- %llu Kbytes in %llu Request%s.\n", (self->bytes + 1023) / 1024, self->mails,
               self->mails == 1 ? "" : "s");
    return EX_OK;
}

static int
count_queue(Asking *self)
{
    int status = judged(self, ask(self, NULL, "XQUEUE COUNT"));

    if (status == EX_OK)
        puts(self->talk.reply.text);
    return status;
}

static int
run_queue(Asking *self)
{
    const Options *options = self->options;
    char value[1024] = "";
    const char *key = options->run_key;

    if (key && !xtext_encode(value, sizeof value, options->run_value)) {
        complain("-q%c: too long", key[0] == 'T' ? 'R' : key[0] == 'F' ? 'S' : 'I');
        return EX_DATAERR;
    }
    int status = judged(self, ask(self, NULL, "XQUEUE RUN%s%s%s%s", key ? " " : "", key ? key : "", key ? "=" : "", value));
    if (status == EX_OK && options->verbose)
        printf("%s mails are tried now\n", self->talk.reply.text);
    return status;
}

static int
read_aliases(Asking *self)
{
    int status = judged(self, ask(self, NULL, "XALIASES"));

    if (status == EX_OK && self->options->verbose)
        puts(self->talk.reply.text);
    return status;
}

/* --- addresses ----------------------------------------------------------------------------------- */

static void
print_address_line(const char *text, size_t n, void *user)
{
    const Asking *self = user;

    if (self->path)
        printf("%s... ", self->path);
    printf("%.*s\n", (int) n, text);
}

/* One address. Its own fault is an answer, not a complaint. */
static int
test_address(Asking *self, const char *path)
{
    const Options *options = self->options;
    bool verify = options->mode == MODE_VERIFY;
    char sender[XTEXT_ROOM(ADDRESS_BYTES)] = "";

    if (options->sender)
        xtext_encode(sender, sizeof sender, options->sender_path);
    self->path = verify ? path : NULL;
    int status = ask(self, print_address_line, "XTEST %s <%s>%s%s", verify ? "VERIFY" : "ROUTE", path,
                     options->sender ? " FROM=" : "", sender);
    const Reply *reply = &self->talk.reply;
    if (status != EX_OK)
        return status;
    if (reply->code >= 400)
        printf("%s... %d %s %s\n", path, reply->code, reply->dsn, reply->text);
    else
        print_address_line(reply->text, strlen(reply->text), self);
    return reply->code < 400 ? EX_OK : reply->code < 500 ? EX_TEMPFAIL : EX_NOUSER;
}

/* A refused address says more than one that cannot be told now. */
static int
worse(int one, int other)
{
    return one == EX_NOUSER || other == EX_OK ? one : other;
}

static int
test_word(Asking *self, const char *word)
{
    const char *rest = word, *why = NULL;
    char path[ADDRESS_BYTES];
    AddressResult result;
    int status = EX_OK, found = 0;

    while ((result = address_next(&rest, path, &why)) == ADDRESS_FOUND && path[0]) {
        status = worse(status, test_address(self, path));
        found++;
    }
    if (result == ADDRESS_END && found > 0)
        return status;
    printf("%s... bad address: %s\n", word, result == ADDRESS_BAD ? why : "no address in it");
    return EX_NOUSER;
}

static int
test_input(Asking *self)
{
    char line[2 * ADDRESS_BYTES];
    int status = EX_OK;

    while (fgets(line, sizeof line, stdin)) {
        line[strcspn(line, "\r\n")] = '\0';
        if (line[strspn(line, " \t")])
            status = worse(status, test_word(self, line));
        fflush(stdout);
    }
    return status;
}

static int
test_addresses(Asking *self)
{
    int status = EX_OK;

    if (self->options->n_addresses == 0)
        return test_input(self);
    for (int i = 0; i < self->options->n_addresses; i++)
        status = worse(status, test_word(self, self->options->addresses[i]));
    return status;
}

/* --- all ----------------------------------------------------------------------------------------- */

int
ask_run(const Options *options, const Settings *settings)
{
    static Asking self;

    self.options = options;
    int status = talk_open(&self.talk, settings, options->debug, TALK_HELLO, strlen(TALK_HELLO));
    if (status != EX_OK) {
        if (self.talk.away)
            talk_complain_away(&self.talk, settings);
        if (self.talk.away && options->mode == MODE_ALIASES) {
            complain("shimtad reads the alias file when it starts");
            return EX_OK;
        }
        return status;
    }
    self.talk.link.silence_ms = LINK_ANSWER_MS;
    if (options->mode == MODE_PRINT_QUEUE)
        status = print_queue(&self);
    else if (options->mode == MODE_COUNT_QUEUE)
        status = count_queue(&self);
    else if (options->mode == MODE_RUN_QUEUE)
        status = run_queue(&self);
    else if (options->mode == MODE_ALIASES)
        status = read_aliases(&self);
    else
        status = test_addresses(&self);
    talk_close(&self.talk);
    return status;
}
