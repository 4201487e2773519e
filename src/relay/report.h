/* The log of the relay: one line per recipient and outcome, one per note on what was changed. Loop thread. */
#pragma once

#include "provider/provider.h"
#include "queue/entry.h"
#include "relay/journal.h"

/* Who tried to deliver to a recipient. */
typedef struct {
    const Provider *provider; /* NULL: nobody */
    char *call;               /* the call's key; NULL: none was made */
    gint64 api_us;
} Service;

/* An array of n services as a GArray that clears its elements. */
GArray *services_new(guint n);
void service_copy(Service *to, const Service *from);

/* delivered, deferred, refused or unknown, once for each recipient who is not closed; services are parallel to the
 * outcomes. alone: nothing is kept, so that what failed beside recipients who were delivered to is lost with the reply
 * 250, hence an error. Unless final only what stays as it is. */
void report_outcomes(const Entry *entry, const GArray *services, bool alone, bool final);

/* How many mails' recipients have been written down for whoever waits for their fate (JOURNAL_WATCHED). Those that could
 * not be are tried again. */
guint64 report_watched(void);

void report_notes(const Entry *entry, const Mail *mail, const Provider *provider);

/* A recipient goes through another account now. */
void report_switch(const Entry *entry, const char *to, const Outcome *why, const Provider *from, const Provider *next);

/* The account refused what another one may still take. */
void report_refusal(const Entry *entry, guint place, const Outcome *why, const Provider *by);

/* The entry is in the store now, */
void report_kept(const Entry *entry);

/* waits there for the operator, */
void report_held(const Entry *entry);

/* or cannot even be read there; id NULL: nor can that, */
void report_damaged(const char *id, const char *why);

/* its sender is told of it by notice, which is in the store now. */
void report_notice(const Entry *entry, const Entry *notice);

/* What that means for recipients (places: of guint): "bounced", "delayed", "relayed", or with notice NULL "expired". */
void report_news(const Entry *entry, const char *event, const GArray *places, const Entry *notice);

/* The store failed, and so often since the last line. */
void report_trouble(const GError *error, guint others);

/* What the store has to say to the operator, if anything; any thread. */
void report_warning(Store *store);

/* The entry was given up before its recipients were known. */
void report_dropped(const char *id, const char *why);

/* A recipient who was refused before there was a mail: for the journal alone, and of a minute's no more than a hundred. */
void report_turned_away(const char *id, const char *sender, const char *address, const Outcome *why);

/* The mail was answered 250 with text, and is known by its digest when it comes again. */
void report_accepted(const char *id, const char *digest, const char *text);

/* It is not known any more: it has ended otherwise than delivered. */
void report_forgotten(const char *id);

/* The mail is one that came before: it is answered with that one's text, or goes with the one of id `with`. */
void report_again(const char *id, const char *with, const char *text);

/* Where each event about a mail is written as well; NULL: nowhere. */
void report_journal(Journal *journal);

/* Visits how many recipients came to each outcome since the start. */
void report_counts(void (*visit)(const char *event, guint64 n, void *user), void *user);
