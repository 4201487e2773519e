/* lookup-before-retry: when Customers Mail Cloud is asked first, for what, and what follows from its answers. */
#include "fixture.h"

#include "base/clock.h"

#include <string.h>

#define ACCOUNT "server-composition = trial\nlookup-before-retry = yes\n"
#define NOON_IN_JAPAN G_GINT64_CONSTANT(1798772400000) /* 2027-01-01T03:00Z */
#define HOUR_MS (3600 * G_GINT64_CONSTANT(1000))

#define ROW(tag, id) "{\"created\":\"x\",\"status\":\"queued\",\"apiData\":\"" tag "\",\"messageId\":\"" id "\"}"
#define ERROR(code) "{\"errors\":[{\"code\":\"" code "\",\"field\":\"\",\"message\":\"words\"}]}"

/* What an answer leads to. */
typedef enum { FOUND, SENT, UNCLEAR } Step;

static const struct {
    int status;
    const char *body;
    Step step;
    const char *id;
} rows[] = {
    { 200, "{\"deliveries\":[" ROW("entry", "<m@cmc>") "]}", FOUND, "<m@cmc>" },
    { 200, "{\"deliveries\":[" ROW("entry-10", "<x@cmc>") "," ROW("entry", "<m@cmc>") "]}", FOUND, "<m@cmc>" },
    { 200, "{\"deliveries\":[{\"apiData\":\"entry\",\"status\":\"failed\"}]}", FOUND, "entry" },
    { 200, "{\"deliveries\":[{\"apiData\":\"entry\",\"messageId\":\"\"}]}", FOUND, "entry" },
    /* tags are found by any part of them */
    { 200, "{\"deliveries\":[" ROW("entry-10", "<x@cmc>") "]}", SENT },
    { 200, "{\"deliveries\":[]}", SENT },
    { 200, "{\"deliveries\":[{}, 5, \"entry\"]}", SENT },
    /* the list will not be had however long the mail waits */
    { 401, ERROR("13-004"), SENT },
    { 200, ERROR("13-004"), SENT },
    { 400, ERROR("11-009"), SENT },
    { 403, "<html>", SENT },
    { 404, "<html>", SENT },
    { 301, "", SENT },
    { 400, ERROR("77-001"), SENT },
    { 200, "{\"message\":\"hello\"}", SENT },
    /* it may be had later */
    { 200, ERROR("11-007"), UNCLEAR },
    { 400, ERROR("13-001"), UNCLEAR },
    { 429, "", UNCLEAR },
    { 408, "", UNCLEAR },
    { 500, ERROR("77-001"), UNCLEAR },
    { 503, "<html>", UNCLEAR },
    { 200, "<html>", UNCLEAR },
    { 200, "{\"deliveries\":[", UNCLEAR },
    { 0, "", UNCLEAR },
};

static void
check_unclear(const Outcome *outcome)
{
    g_assert_cmpint(outcome->verdict, ==, OUTCOME_UNKNOWN);
    g_assert_cmpuint(outcome->flags, ==, OUTCOME_ASIDE);
    g_assert_nonnull(strstr(outcome->text, "looking it up failed"));
}

static void
test_answers(void)
{
    g_autoptr(Provider) provider = fixture_account(ACCOUNT);
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test b@x.test");

    clock_freeze(NOON_IN_JAPAN);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(HttpResponse) response = fixture_response(rows[i].status, rows[i].body);
        CallTry try = { .mail = mail, .call = call, .maybe_taken = true, .since_ms = NOON_IN_JAPAN - HOUR_MS };
        g_autoptr(GArray) outcomes = outcomes_new(2);

        g_test_message("%d %s", rows[i].status, rows[i].body);
        response->transport = rows[i].status ? HTTP_OK : HTTP_NOT_SENT;
        g_autoptr(HttpRequest) next = provider->driver->judge(provider, &try, response, (Outcome *) outcomes->data);
        const Outcome *outcome = &g_array_index(outcomes, Outcome, 1);
        g_assert_cmpint(next != NULL, ==, rows[i].step == SENT);
        if (next)
            g_assert_cmpstr(next->url, ==, "https://api.test/api/v2/emails/send.json");
        else if (rows[i].step == FOUND)
            g_assert_cmpstr(outcome->remote_id, ==, rows[i].id);
        else
            check_unclear(outcome);
    }
    clock_freeze(-1);
}

static char *
form_of(const HttpRequest *request)
{
    char buf[1024] = { 0 };

    g_assert_cmpint(source_read(request->body, buf, sizeof buf - 1, NULL), ==, request->body->length);
    return g_strdup(buf);
}

static const struct {
    gint64 age_ms;
    const char *dates; /* asked for, in turn */
} ages[] = {
    { HOUR_MS, "2027-01-01" },
    { 12 * HOUR_MS, "2027-01-01" },
    { 13 * HOUR_MS, "2027-01-01 2026-12-31" },
    { 40 * HOUR_MS, "2027-01-01 2026-12-31 2026-12-30" },
    { 24 * 365 * HOUR_MS, "2027-01-01 2026-12-31 2026-12-30 2026-12-29 2026-12-28 2026-12-27 2026-12-26" },
    { -HOUR_MS, "2027-01-01" },                  /* the clock went back */
    { NOON_IN_JAPAN, "2027-01-01 2026-12-31" },  /* not known */
};

/* One question for each day on which an earlier try may have been. */
static void
test_days(void)
{
    g_autoptr(Provider) provider = fixture_account(ACCOUNT);
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test");

    clock_freeze(NOON_IN_JAPAN);
    for (guint i = 0; i < G_N_ELEMENTS(ages); i++) {
        CallTry try = { .mail = mail, .call = call, .maybe_taken = true, .since_ms = NOON_IN_JAPAN - ages[i].age_ms };
        HttpRequest *request = provider->driver->build(provider, &try);
        g_autoptr(HttpResponse) none = fixture_response(200, "{\"deliveries\":[]}");
        g_auto(GStrv) dates = g_strsplit(ages[i].dates, " ", -1);

        for (guint k = 0; dates[k]; k++) {
            g_autofree char *form = form_of(request);
            g_autofree char *want = g_strdup_printf("api_user=user-of-tests&api_key=key-of-tests&server_composition="
                                                    "trial&date=%s&api_data=entry", dates[k]);
            g_assert_cmpstr(form, ==, want);
            http_request_free(request);
            request = provider->driver->judge(provider, &try, none, NULL);
        }
        g_assert_cmpstr(request->url, ==, "https://api.test/api/v2/emails/send.json");
        http_request_free(request);
    }
    clock_freeze(-1);
}

/* Where pages could fill with others' rows, a recipient is named, too. */
static void
test_recipient(void)
{
    g_autoptr(Provider) provider = fixture_account(ACCOUNT "bulk = yes\n");
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) part = fixture_call("a+b@x.test");
    g_autoptr(Call) bulk = fixture_call("a@x.test b@x.test");
    CallTry one = { .mail = mail, .call = part, .maybe_taken = true };
    CallTry all = { .mail = mail, .call = bulk, .maybe_taken = true };

    g_free(part->key);
    part->key = g_strdup("entry-1");
    bulk->each_alone = true;
    g_autoptr(HttpRequest) first = provider->driver->build(provider, &one);
    g_autoptr(HttpRequest) second = provider->driver->build(provider, &all);
    g_autofree char *first_form = form_of(first);
    g_autofree char *second_form = form_of(second);
    g_assert_true(g_str_has_suffix(first_form, "&api_data=entry-1&to=a%2Bb%40x.test"));
    g_assert_true(g_str_has_suffix(second_form, "&api_data=entry&to=a%40x.test"));
}

static bool
asks_first(const char *account, bool maybe_taken, const char *tag)
{
    g_autoptr(Provider) provider = fixture_account(account);
    g_autoptr(Mail) mail = fixture_mail("me@from.test", "hello\n");
    g_autoptr(Call) call = fixture_call("a@x.test");
    CallTry try = { .mail = mail, .call = call, .maybe_taken = maybe_taken };
    MailHeader *header = tag ? mail_header_new("X-Api-Data", tag) : NULL;

    if (header)
        g_ptr_array_add(mail->headers, header);
    g_autoptr(HttpRequest) request = provider->driver->build(provider, &try);
    g_ptr_array_set_size(mail->headers, 0);
    if (header)
        mail_header_free(header);
    return strstr(request->url, "/deliveries/") != NULL;
}

/* A tag of the sender's own says nothing of this mail. */
static void
test_when(void)
{
    g_assert_true(asks_first(ACCOUNT, true, NULL));
    g_assert_true(asks_first(ACCOUNT, true, "entry"));
    g_assert_false(asks_first(ACCOUNT, false, NULL));
    g_assert_false(asks_first(ACCOUNT, true, "newsletter"));
    g_assert_false(asks_first("server-composition = trial\n", true, NULL));
    g_assert_false(asks_first("", true, NULL));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/look-up/answers", test_answers);
    g_test_add_func("/look-up/days", test_days);
    g_test_add_func("/look-up/recipient", test_recipient);
    g_test_add_func("/look-up/when", test_when);
    return g_test_run();
}
