/* A relay on a loop of its own, its fake API, and clients that wait. */
#pragma once

#include "fake_http.h"
#include "relay/runner.h"

#define OK_BODY "{\"id\":\"\\u003Cid-1@api.test\\u003E\"}"
#define MAIL "From: me@from.test\r\nTo: a@x.test\r\nSubject: hello\r\n\r\nHi.\r\n"

/* The beginning of an account's section; what site_open() is given may hold more of them. */
#define ACCOUNT(name, host) "[account " name "]\nprovider = customers-mail-cloud\nurl = https://" host "\n" \
                            "api-user = u\napi-key-file = KEYFILE\n"

enum { GUESTS = 8 };

/* Who waits for a reply. */
typedef struct {
    Waiter waiter;
    guint replies;
    int code;
    char *line; /* as printed */
} Guest;

typedef struct {
    uv_loop_t loop;
    RelaySettings *settings;
    Relay *relay;
    Guest guests[GUESTS];
    bool drained;
} Site;

/* keys are lines of [shimta], account lines of [account main], and perhaps further sections. */
void site_open(Site *self, const char *keys, const char *account);

/* Everything must be gone once the loop has run out. */
void site_close(Site *self);

/* recipients are separated by blanks. */
Entry *entry_of(const char *message, const char *recipients);

/* Hands the mail over; the guest waits. */
void deliver(Site *self, guint guest, const char *message, const char *recipients);

/* Runs the loop until n exchanges are open, the guest has a reply, or nothing is left to do. */
void run_until_open(Site *self, guint n);
void run_until_reply(Site *self, guint guest);
void run_out(Site *self);

/* No mail is with a worker any more: each is with the API, in line, or settled. */
void run_until_translated(Site *self);
