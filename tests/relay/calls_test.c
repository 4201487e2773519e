/* Mails that need several calls, several accounts, or another try. */
#include "site.h"

#include <string.h>

#define HIDDEN "From: me@from.test\r\nTo: undisclosed-recipients:;\r\nSubject: hello\r\n\r\nHi.\r\n"
#define REFUSED "{\"errors\":[{\"code\":\"11-005\",\"field\":\"to\",\"message\":\"is invalid mail address.\"}]}"
#define NO_MTA "{\"errors\":[{\"code\":\"13-002\",\"field\":\"\",\"message\":\"Can not connect to MTA\"}]}"
#define SECOND ACCOUNT("second", "second.test")

/* Answers the first open exchange: Delivered under an id of its own, Permanent or Transient, no answer (Unknown), or
 * Not sent. Returns "host to" of it. */
static char *
answer(char letter)
{
    static guint count;
    g_autofree char *id = g_strdup_printf("{\"id\":\"<%u@api>\"}", ++count);
    g_autofree char *request = fake_http_request(0);
    g_auto(GStrv) pieces = g_strsplit(request, "/", 4);
    char *what = g_strdup_printf("%s %s", pieces[2], fake_http_field(0, "to"));

    if (letter == 'D')
        fake_http_answer(0, 200, id);
    else if (letter == 'P')
        fake_http_answer(0, 400, REFUSED);
    else if (letter == 'T')
        fake_http_answer(0, 500, NO_MTA);
    else
        fake_http_fail(0, letter == 'U' ? HTTP_BROKEN : HTTP_NOT_SENT, letter == 'U');
    return what;
}

/* Answers the calls of guest 0's mail letter by letter; returns what was called, a line each. */
static char *
answer_all(Site *site, const char *letters)
{
    GString *log = g_string_new(NULL);

    for (; *letters; letters++) {
        run_until_open(site, 1);
        g_autofree char *what = answer(*letters);
        g_string_append_printf(log, "%s\n", what);
    }
    run_until_reply(site, 0);
    g_assert_cmpuint(fake_http.open->len, ==, 0);
    return g_string_free(log, FALSE);
}

/* Three hidden recipients, a call each. */
static const struct {
    const char *letters, *reply;
} mixed[] = {
    { "DDD", "250-2.0.0 Ok: queued as <" },
    { "DPD", "250-2.0.0 Ok: queued as <" },
    { "PTD", "250 2.0.0 Ok: queued as <" },
    { "UDT", "250 2.0.0 Ok: queued as <" },
    { "PPP", "553 5.1.3 11-005" },
    { "PTP", "451 4.3.0 13-002" },
    { "TPU", "451 4.4.2 No answer" },
    { "UUU", "451 4.4.2 No answer" },
};

static void
test_mixed(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(mixed); i++) {
        Site site;

        site_open(&site, "", "max-calls = 1");
        deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test");
        g_autofree char *log = answer_all(&site, mixed[i].letters);
        g_assert_cmpstr(log, ==, "api.test [{\"name\":\"\",\"address\":\"a@x.test\"}]\n"
                                 "api.test [{\"name\":\"\",\"address\":\"b@x.test\"}]\n"
                                 "api.test [{\"name\":\"\",\"address\":\"c@x.test\"}]\n");
        g_test_message("%s", site.guests[0].line);
        g_assert_true(g_str_has_prefix(site.guests[0].line, mixed[i].reply));
        g_assert_cmpuint(site.guests[0].replies, ==, 1);
        g_assert_cmpuint(fake_http.sent, ==, 3);
        site_close(&site);
    }
}

#define VISIBLE "From: me@from.test\r\nTo: a@x.test, b@x.test, c@x.test\r\nCc: d@x.test\r\nSubject: hello\r\n\r\nHi.\r\n"
#define NAMED(address) "{\"errors\":[{\"code\":\"11-005\",\"field\":\"to\",\"message\":\"" address " is invalid mail address.\"}]}"

/* One bad address stops a call, not the mail to the others: they go at once, by calls of their own keys. */
static void
test_bad_address(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, VISIBLE, "a@x.test b@x.test c@x.test d@x.test h@x.test");
    run_until_open(&site, 1);
    g_autofree char *first = g_strdup(fake_http_field(0, "headers"));
    fake_http_answer(0, 400, NAMED("b@x.test"));
    run_until_open(&site, 1);
    g_assert_cmpuint(site.guests[0].replies, ==, 0);
    g_assert_cmpstr(fake_http_field(0, "to"), ==,
                    "[{\"name\":\"\",\"address\":\"a@x.test\"},{\"name\":\"\",\"address\":\"c@x.test\"}]");
    g_assert_cmpstr(fake_http_field(0, "headers"), !=, first); /* X-Api-Data */
    fake_http_answer(0, 400, NAMED("a@x.test"));
    run_until_open(&site, 1);
    fake_http_answer(0, 400, NAMED("c@x.test"));
    run_until_open(&site, 1);
    g_assert_cmpstr(fake_http_field(0, "to"), ==, "[{\"name\":\"\",\"address\":\"d@x.test\"}]");
    g_assert_cmpstr(fake_http_field(0, "bcc"), ==, "[{\"name\":\"\",\"address\":\"h@x.test\"}]");
    fake_http_answer(0, 200, OK_BODY);
    run_until_reply(&site, 0);
    g_assert_cmpstr(site.guests[0].line, ==, "250 2.0.0 Ok: queued as <id-1@api.test>\r\n");
    g_assert_cmpuint(fake_http.sent, ==, 4);
    site_close(&site);
}

/* What comes of the second call is what the others are told; nobody is asked for ever. */
static void
test_bad_addresses(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, VISIBLE, "a@x.test b@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 400, NAMED("b@x.test"));
    run_until_open(&site, 1);
    fake_http_answer(0, 400, NAMED("a@x.test"));
    run_until_reply(&site, 0);
    g_assert_cmpstr(site.guests[0].line, ==, "553 5.1.3 11-005 a@x.test is invalid mail address.\r\n");
    site_close(&site);

    site_open(&site, "", "");
    deliver(&site, 0, VISIBLE, "a@x.test b@x.test c@x.test");
    for (guint i = 0; i < 2; i++) {
        run_until_open(&site, 1);
        fake_http_answer(0, 400, NAMED("a@x.test")); /* it is not even there the second time */
    }
    run_until_reply(&site, 0);
    g_assert_cmpuint(fake_http.sent, ==, 2);
    site_close(&site);
}

/* Calls of one mail go out together, as many as the account may have; answers may come in any order. */
static void
test_at_once(void)
{
    Site site;

    site_open(&site, "", "max-calls = 3");
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test d@x.test e@x.test f@x.test g@x.test");
    run_until_open(&site, 3);
    g_assert_cmpuint(fake_http.open->len, ==, 3);
    fake_http_answer(2, 200, OK_BODY);
    g_assert_cmpuint(fake_http.open->len, ==, 3);
    g_free(answer_all(&site, "DDDDDD"));
    g_assert_cmpuint(fake_http.sent, ==, 7);
    g_assert_cmpuint(fake_http.most, ==, 3);
    g_assert_cmpint(site.guests[0].code, ==, 250);
    site_close(&site);
}

/* A mail to many does not keep another waiting until it is through. */
static void
test_in_turn(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test");
    run_until_open(&site, 1);
    deliver(&site, 1, MAIL, "z@x.test");
    run_until_translated(&site);
    g_free(answer('D'));
    g_autofree char *second = answer('D');
    g_assert_nonnull(strstr(second, "z@x.test"));
    g_free(answer_all(&site, "DD"));
    g_assert_cmpint(site.guests[1].code, ==, 250);
    g_assert_cmpint(site.guests[0].code, ==, 250);
    site_close(&site);
}

/* Hundreds of calls that end at once don't pile up on the stack. */
static void
test_pause_of_many(void)
{
    g_autoptr(GString) many = g_string_new("a@x.test");
    Site site;

    for (guint i = 0; i < 3000; i++)
        g_string_append_printf(many, " h%u@x.test", i);
    site_open(&site, "", "max-calls = 2");
    deliver(&site, 0, HIDDEN, many->str);
    run_until_open(&site, 2);
    fake_http_answer_later(0, 429, "", 600 * 1000);
    fake_http_answer(0, 200, OK_BODY);
    run_until_reply(&site, 0);
    g_assert_cmpint(site.guests[0].code, ==, 250);
    g_assert_cmpuint(fake_http.sent, ==, 2);
    site_close(&site);
}

/* Each call can be found by an X-Api-Data of its own, unless the sender has one. */
static void
test_keys(void)
{
    Site site;
    Entry *entry = entry_of(HIDDEN, "a@x.test b@x.test");
    g_autofree char *start = g_strdup_printf("\"X-Api-Data\",\"value\":\"%s-", entry->id);

    site_open(&site, "", "");
    relay_deliver(site.relay, entry, &site.guests[0].waiter);
    run_until_open(&site, 2);
    const char *first = strstr(fake_http_field(0, "headers"), start);
    const char *second = strstr(fake_http_field(1, "headers"), start);
    g_assert_true(first && second);
    g_assert_cmpstr(first, !=, second);
    g_free(answer_all(&site, "DD"));
    deliver(&site, 1, "X-Api-Data: own\r\n" HIDDEN, "a@x.test b@x.test");
    run_until_open(&site, 2);
    g_assert_nonnull(strstr(fake_http_field(1, "headers"), "\"X-Api-Data\",\"value\":\"own\""));
    g_free(answer('D'));
    g_free(answer('D'));
    site_close(&site);
}

/* After "too many" the calls that are left are not made. */
static void
test_pause(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test");
    run_until_open(&site, 1);
    fake_http_answer_later(0, 429, "", 600 * 1000);
    run_until_reply(&site, 0);
    g_assert_true(g_str_has_prefix(site.guests[0].line, "451 4.3.2 "));
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

/* An address that no API takes concerns its owner alone. */
static void
test_address(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, HIDDEN, "a@x.test \xe3\x81\x82@x.test");
    g_autofree char *log = answer_all(&site, "D");
    g_assert_cmpstr(log, ==, "api.test [{\"name\":\"\",\"address\":\"a@x.test\"}]\n");
    g_assert_cmpint(site.guests[0].code, ==, 250);
    site_close(&site);
}

static void
on_drained(void *user)
{
    Site *site = user;

    site->drained = true;
}

/* The end comes when one call is done, one on its way and one in line. */
static void
test_drain(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    g_assert_cmpuint(site.guests[0].replies, ==, 0);
    relay_drain(site.relay, 1, on_drained, &site);
    run_out(&site);
    g_assert_true(site.drained);
    g_assert_cmpstr(site.guests[0].line, ==, "250 2.0.0 Ok: queued as <id-1@api.test>\r\n");
    g_assert_cmpuint(fake_http.sent, ==, 2);
    site_close(&site);
}

/* What follows each answer, with an account behind the first: the calls (m: main, s: second) and the reply. */
static const struct {
    const char *letters, *hosts, *reply;
} fallbacks[] = {
    { "D", "m", "250 2.0.0 " },
    { "TD", "ms", "250 2.0.0 " },
    { "ND", "ms", "250 2.0.0 " },   /* no connection */
    { "P", "m", "553 5.1.3 " },     /* refused for good */
    { "U", "m", "451 4.4.2 " },     /* may have been accepted */
    { "TT", "ms", "451 4.3.0 " },   /* and no third try */
    { "NT", "ms", "451 4.3.0 " },
    { "TU", "ms", "451 4.4.2 " },
    { "TP", "ms", "451 4.3.0 13-002 " }, /* the first may take it later */
};

static void
test_fallback(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(fallbacks); i++) {
        Site site;

        site_open(&site, "", "fallback = second\n" SECOND);
        deliver(&site, 0, MAIL, "a@x.test");
        g_autofree char *log = answer_all(&site, fallbacks[i].letters);
        g_auto(GStrv) lines = g_strsplit(log, "\n", -1);
        g_test_message("%s: %s", fallbacks[i].letters, site.guests[0].line);
        for (guint k = 0; fallbacks[i].hosts[k]; k++)
            g_assert_true(g_str_has_prefix(lines[k], fallbacks[i].hosts[k] == 'm' ? "api.test " : "second.test "));
        g_assert_true(g_str_has_prefix(site.guests[0].line, fallbacks[i].reply));
        g_assert_cmpuint(fake_http.sent, ==, strlen(fallbacks[i].hosts));
        site_close(&site);
    }
}

/* Of four calls one is delivered, one refused, one unknown and one failed: the last alone goes the other way. */
static void
test_no_double_send(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1\nfallback = second\n" SECOND);
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test d@x.test");
    g_autofree char *log = answer_all(&site, "DPUTD");
    g_assert_true(g_str_has_suffix(log, "\nsecond.test [{\"name\":\"\",\"address\":\"d@x.test\"}]\n"));
    g_assert_cmpuint(fake_http.sent, ==, 5);
    g_assert_cmpint(site.guests[0].code, ==, 250);
    site_close(&site);
}

/* From account to account, each tried once, by the key that says who gets the mail. */
static void
test_fallback_chain(void)
{
    Site site;
    Entry *entry = entry_of(MAIL, "a@x.test");
    g_autofree char *key = g_strdup_printf("\"X-Api-Data\",\"value\":\"%s\"", entry->id);

    site_open(&site, "", "fallback = second\n" SECOND "fallback = third\n" ACCOUNT("third", "third.test"));
    relay_deliver(site.relay, entry, &site.guests[0].waiter);
    for (guint i = 0; i < 2; i++) {
        run_until_open(&site, 1);
        g_free(answer('T'));
    }
    run_until_open(&site, 1);
    g_assert_nonnull(strstr(fake_http_field(0, "headers"), key));
    g_autofree char *what = answer('D');
    g_assert_true(g_str_has_prefix(what, "third.test "));
    g_assert_cmpint(site.guests[0].code, ==, 250);
    site_close(&site);
}

/* Closing while the second round is being prepared. */
static void
test_fallback_closed(void)
{
    Site site;

    site_open(&site, "", "fallback = second\n" SECOND);
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_open(&site, 1);
    g_free(answer('T'));
    g_assert_cmpuint(site.guests[0].replies, ==, 0);
    site_close(&site);
    g_assert_cmpuint(site.guests[0].replies, ==, 1);
    g_assert_cmpuint(fake_http.sent, ==, 1);
}

/* The recipients of one mail by different accounts, at the same time. */
static void
test_routes(void)
{
    Site site;

    site_open(&site, "", SECOND "[route news]\nto = *@news.test, c@x.test\naccount = second\n");
    deliver(&site, 0, "From: me@from.test\r\nTo: a@x.test, b@news.test, c@x.test\r\n\r\nHi.\r\n",
            "a@x.test b@news.test c@x.test");
    run_until_open(&site, 2);
    g_autofree char *first = answer('D');
    g_autofree char *second = answer('D');
    g_assert_cmpstr(first, ==, "api.test [{\"name\":\"\",\"address\":\"a@x.test\"}]");
    g_assert_cmpstr(second, ==, "second.test [{\"name\":\"\",\"address\":\"b@news.test\"},"
                                "{\"name\":\"\",\"address\":\"c@x.test\"}]");
    g_assert_true(g_str_has_prefix(site.guests[0].line, "250-2.0.0 Ok: queued as "));
    site_close(&site);
}

static void
log_of_calls(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1\nfallback = second\n" SECOND);
    deliver(&site, 0, HIDDEN, "a@x.test b@x.test c@x.test");
    g_free(answer_all(&site, "DPTT"));
    site_close(&site);
}

static void
test_log(void)
{
    if (g_test_subprocess()) {
        log_of_calls();
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*fallback id=* to=c@x.test provider=main next=second dsn=4.3.0 code=451 text=\"13-002*\n*");
    g_test_trap_assert_stderr("*delivered id=* to=a@x.test * provider=main call=*-* *\n*");
    g_test_trap_assert_stderr("*lost id=* to=b@x.test * provider=main call=*-* * code=553 text=\"11-005*\n*");
    g_test_trap_assert_stderr("*lost id=* to=c@x.test * provider=second call=*-* * code=451 text=\"13-002*\n*");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/calls/mixed", test_mixed);
    g_test_add_func("/calls/bad-address", test_bad_address);
    g_test_add_func("/calls/bad-addresses", test_bad_addresses);
    g_test_add_func("/calls/at-once", test_at_once);
    g_test_add_func("/calls/in-turn", test_in_turn);
    g_test_add_func("/calls/pause-of-many", test_pause_of_many);
    g_test_add_func("/calls/keys", test_keys);
    g_test_add_func("/calls/pause", test_pause);
    g_test_add_func("/calls/address", test_address);
    g_test_add_func("/calls/drain", test_drain);
    g_test_add_func("/calls/fallback", test_fallback);
    g_test_add_func("/calls/no-double-send", test_no_double_send);
    g_test_add_func("/calls/fallback-chain", test_fallback_chain);
    g_test_add_func("/calls/fallback-closed", test_fallback_closed);
    g_test_add_func("/calls/routes", test_routes);
    g_test_add_func("/calls/log", test_log);
    return g_test_run();
}
