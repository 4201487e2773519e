#include "site.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

static void
test_delivered(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_open(&site, 1);
    g_assert_cmpuint(relay_size(site.relay), ==, 1);
    g_assert_cmpstr(fake_http_field(0, "to"), ==, "[{\"name\":\"\",\"address\":\"a@x.test\"}]");
    g_assert_cmpstr(fake_http_field(0, "subject"), ==, "hello");
    g_assert_cmpstr(fake_http_field(0, "envfrom"), ==, "me@from.test");
    g_assert_cmpuint(site.guests[0].replies, ==, 0);
    fake_http_answer(0, 200, OK_BODY);
    g_assert_cmpuint(site.guests[0].replies, ==, 1);
    g_assert_cmpstr(site.guests[0].line, ==, "250 2.0.0 Ok: queued as <id-1@api.test>\r\n");
    g_assert_cmpuint(relay_size(site.relay), ==, 0);
    g_assert_null(site.guests[0].waiter.job);
    relay_abandon(&site.guests[0].waiter); /* nothing to leave any more */
    site_close(&site);
}

/* Answers and what the client hears. */
static void
test_answers(void)
{
    static const struct {
        int status;
        const char *body, *line;
    } rows[] = {
        { 400, "{\"errors\":[{\"code\":\"11-005\",\"field\":\"to\",\"message\":\"a@x.test is invalid mail address.\"}]}",
          "553 5.1.3 11-005 a@x.test is invalid mail address.\r\n" },
        { 400, "{\"errors\":[{\"code\":\"13-006\",\"field\":\"\",\"message\":\"Please set up DKIM.\"}]}",
          "550 5.7.1 13-006 Please set up DKIM. (From domain: from.test)\r\n" },
        { 500, "{\"errors\":[{\"code\":\"13-002\",\"field\":\"\",\"message\":\"Can not connect to MTA\"}]}",
          "451 4.3.0 13-002 Can not connect to MTA\r\n" },
        { 200, "<html>", "451 4.3.0 HTTP status 200 with an answer that is not the API's\r\n" },
    };
    Site site;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        site_open(&site, "", "");
        deliver(&site, 0, MAIL, "a@x.test");
        run_until_open(&site, 1);
        fake_http_answer(0, rows[i].status, rows[i].body);
        g_assert_cmpstr(site.guests[0].line, ==, rows[i].line);
        site_close(&site);
    }
}

static void
test_transport(void)
{
    static const struct {
        HttpTransport transport;
        bool sent_whole;
        const char *line;
    } rows[] = {
        { HTTP_NOT_SENT, false, "451 4.4.1 No connection to the API: made to fail\r\n" },
        { HTTP_BROKEN, true, "451 4.4.2 No answer from the API: made to fail\r\n" },
        { HTTP_BROKEN, false, "451 4.4.2 Connection lost while sending: made to fail\r\n" },
    };
    Site site;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        site_open(&site, "", "");
        deliver(&site, 0, MAIL, "a@x.test");
        run_until_open(&site, 1);
        fake_http_fail(0, rows[i].transport, rows[i].sent_whole);
        g_assert_cmpstr(site.guests[0].line, ==, rows[i].line);
        site_close(&site);
    }
}

/* What is refused before any call. */
static void
test_refused(void)
{
    g_autofree char *subject = g_strnfill(513, 's');
    g_autofree char *long_subject = g_strdup_printf("From: me@from.test\r\nTo: a@x.test\r\nSubject: %s\r\n\r\nHi.\r\n",
                                                    subject);
    g_autofree char *body = g_strnfill(9000, 'b');
    g_autofree char *large = g_strdup_printf("From: me@from.test\r\nTo: a@x.test\r\n\r\n%s\r\n", body);
    const struct {
        const char *message, *recipients, *line;
    } rows[] = {
        { long_subject, "a@x.test", "554 5.6.3 The subject has over 512 characters\r\n" },
        { large, "a@x.test", "552 5.3.4 Message of " },
        { MAIL, "\xe3\x81\x82@x.test", "553 5.6.7 The API takes ASCII addresses only: ???@x.test\r\n" },
    };
    Site site;

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        site_open(&site, "", "max-mail-size = 10k\nlimits = refuse");
        deliver(&site, 0, rows[i].message, rows[i].recipients);
        run_until_reply(&site, 0);
        g_assert_true(g_str_has_prefix(site.guests[0].line, rows[i].line));
        g_assert_cmpuint(fake_http.sent, ==, 0);
        site_close(&site);
    }
}

/* sendmail -t: the header names the recipients, Bcc hidden. */
static void
test_header_recipients(void)
{
    Site site;
    Entry *entry = entry_of("From: me@from.test\r\nTo: a@x.test\r\nCc: B <b@x.test>\r\nBcc: c@x.test\r\n\r\nHi.\r\n",
                            "d@x.test");

    entry->envelope->from_headers = true;
    site_open(&site, "", "");
    relay_deliver(site.relay, entry, &site.guests[0].waiter);
    run_until_open(&site, 1);
    g_assert_cmpstr(fake_http_field(0, "to"), ==, "[{\"name\":\"\",\"address\":\"a@x.test\"}]");
    g_assert_cmpstr(fake_http_field(0, "cc"), ==, "[{\"name\":\"B\",\"address\":\"b@x.test\"}]");
    g_assert_cmpstr(fake_http_field(0, "bcc"), ==,
                    "[{\"name\":\"\",\"address\":\"d@x.test\"},{\"name\":\"\",\"address\":\"c@x.test\"}]");
    fake_http_answer(0, 200, OK_BODY);
    g_assert_cmpint(site.guests[0].code, ==, 250);
    entry = entry_of("From: me@from.test\r\nSubject: x\r\n\r\nHi.\r\n", "");
    entry->envelope->from_headers = true;
    relay_deliver(site.relay, entry, &site.guests[1].waiter);
    run_until_reply(&site, 1);
    g_assert_true(g_str_has_prefix(site.guests[1].line, "554 5.5.4 "));
    site_close(&site);
}

static void
test_aliases(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-aliases-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "root: admin@x.test\n", 19), ==, 19);
    close(fd);
    g_autofree char *keys = g_strdup_printf("default-domain = corp.test\nalias-file = %s", path);
    Site site;

    site_open(&site, keys, "");
    g_unlink(path);
    deliver(&site, 0, "From: cron\r\nTo: root\r\n\r\nHi.\r\n", "root");
    run_until_open(&site, 1);
    g_assert_cmpstr(fake_http_field(0, "to"), ==, "[{\"name\":\"\",\"address\":\"admin@x.test\"}]");
    g_assert_cmpstr(fake_http_field(0, "from"), ==, "{\"name\":\"\",\"address\":\"cron@corp.test\"}");
    fake_http_answer(0, 200, OK_BODY);
    site_close(&site);
}

/* sendmail -t with a local name in the header: an alias like any other local name. */
static void
test_header_alias(void)
{
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-aliases-XXXXXX", &path, NULL);
    g_assert_cmpint(write(fd, "root: admin@x.test\n", 19), ==, 19);
    close(fd);
    g_autofree char *keys = g_strdup_printf("default-domain = corp.test\nalias-file = %s", path);
    Entry *entry = entry_of("From: cron\r\nTo: root\r\n\r\nHi.\r\n", "");
    Site site;

    entry->envelope->from_headers = true;
    site_open(&site, keys, "");
    g_unlink(path);
    relay_deliver(site.relay, entry, &site.guests[0].waiter);
    run_until_open(&site, 1);
    g_assert_cmpstr(fake_http_field(0, "to"), ==, "[{\"name\":\"\",\"address\":\"admin@x.test\"}]");
    fake_http_answer(0, 200, OK_BODY);
    site_close(&site);
}

static void
test_in_turn(void)
{
    Site site;

    site_open(&site, "", "max-calls = 2");
    for (guint i = 0; i < 5; i++)
        deliver(&site, i, MAIL, "a@x.test");
    for (guint i = 0; i < 5; i++) {
        run_until_open(&site, 1);
        fake_http_answer(0, 200, OK_BODY);
    }
    for (guint i = 0; i < 5; i++)
        g_assert_cmpint(site.guests[i].code, ==, 250);
    g_assert_cmpuint(fake_http.most, <=, 2);
    g_assert_cmpuint(fake_http.sent, ==, 5);
    site_close(&site);
}

/* While the API wants a pause nobody calls it. */
static void
test_pause(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_open(&site, 1);
    fake_http_answer_later(0, 429, "", 600 * 1000);
    g_assert_true(g_str_has_prefix(site.guests[0].line, "451 4.3.2 "));
    deliver(&site, 1, MAIL, "a@x.test");
    run_until_reply(&site, 1);
    g_assert_true(g_str_has_prefix(site.guests[1].line, "451 4.3.2 The account is paused: HTTP status 429"));
    g_assert_cmpuint(fake_http.sent, ==, 1);
    site_close(&site);
}

/* A client that leaves in the middle of the call: the mail goes on. One that leaves before, at once or in line, will
 * try again: its mail does not. */
static void
test_abandon(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    for (guint i = 0; i < 3; i++)
        deliver(&site, i, MAIL, "a@x.test");
    relay_abandon(&site.guests[2].waiter);
    relay_abandon(&site.guests[2].waiter);
    run_until_translated(&site);
    relay_abandon(&site.guests[0].waiter);
    relay_abandon(&site.guests[1].waiter);
    relay_deliver(site.relay, entry_of(MAIL, "a@x.test"), NULL);
    run_until_translated(&site);
    g_assert_cmpuint(relay_size(site.relay), ==, 2);
    for (guint i = 0; i < 2; i++) {
        run_until_open(&site, 1);
        fake_http_answer(0, 200, OK_BODY);
    }
    for (guint i = 0; i < 3; i++)
        g_assert_cmpuint(site.guests[i].replies, ==, 0);
    g_assert_cmpuint(fake_http.sent, ==, 2);
    g_assert_cmpuint(relay_size(site.relay), ==, 0);
    site_close(&site);
}

/* One that leaves between the calls of its mail: who has got it is no reason to forget the others. */
static void
test_abandon_between_calls(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    deliver(&site, 0, MAIL, "h1@x.test h2@x.test");
    run_until_open(&site, 1);
    relay_abandon(&site.guests[0].waiter);
    g_assert_cmpuint(relay_size(site.relay), ==, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    g_assert_cmpuint(fake_http.sent, ==, 2);
    g_assert_cmpuint(relay_size(site.relay), ==, 0);
    site_close(&site);
}

static bool
is_away(Waiter *waiter)
{
    return false;
}

/* A client that is found to be away when its turn has come. */
static void
test_away(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    for (guint i = 0; i < 3; i++)
        deliver(&site, i, MAIL, "a@x.test");
    site.guests[1].waiter.is_there = is_away;
    site.guests[2].waiter.is_there = is_away;
    run_until_translated(&site);
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    run_until_reply(&site, 2);
    g_assert_cmpuint(fake_http.sent, ==, 1);
    g_assert_true(g_str_has_prefix(site.guests[1].line, "451 4.4.2 The client left"));
    site_close(&site);
}

static void
on_drained(void *user)
{
    Site *site = user;

    g_assert_false(site->drained);
    site->drained = true;
}

static void
test_drain(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_open(&site, 1);
    relay_drain(site.relay, 100 * 1000, on_drained, &site);
    g_assert_false(site.drained);
    deliver(&site, 1, MAIL, "a@x.test"); /* a session that was in its data */
    run_until_open(&site, 2);
    fake_http_answer(0, 200, OK_BODY);
    g_assert_false(site.drained);
    fake_http_answer(0, 200, OK_BODY);
    g_assert_true(site.drained);
    g_assert_cmpint(site.guests[1].code, ==, 250);
    deliver(&site, 2, MAIL, "a@x.test"); /* too late */
    run_until_reply(&site, 2);
    g_assert_true(g_str_has_prefix(site.guests[2].line, "451 4.3.2 "));
    g_assert_cmpuint(fake_http.sent, ==, 2);
    site_close(&site);
}

static void
test_drain_idle(void)
{
    Site site;

    site_open(&site, "", "");
    relay_drain(site.relay, 100 * 1000, on_drained, &site);
    g_assert_false(site.drained);
    run_out(&site);
    g_assert_true(site.drained);
    site_close(&site);
}

/* The limit passes: what is with the API is unknown, what waits is not sent any more. */
static void
test_drain_limit(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_open(&site, 1);
    deliver(&site, 1, MAIL, "a@x.test");
    deliver(&site, 2, MAIL, "a@x.test");
    run_until_translated(&site);
    relay_drain(site.relay, 1, on_drained, &site);
    run_out(&site);
    g_assert_true(site.drained);
    g_assert_true(g_str_has_prefix(site.guests[0].line, "451 4.4.2 Ended before"));
    g_assert_true(g_str_has_prefix(site.guests[1].line, "451 4.3.2 Shutting down"));
    g_assert_true(g_str_has_prefix(site.guests[2].line, "451 4.3.2 Shutting down"));
    g_assert_cmpuint(fake_http.sent, ==, 1);
    g_assert_cmpuint(fake_http.cancelled, ==, 1);
    site_close(&site);
}

/* Closing with mail in every state (with the API, in line, with a worker): everyone is answered, nothing leaks. */
static void
test_close(void)
{
    Site site;

    site_open(&site, "", "max-calls = 1");
    deliver(&site, 0, MAIL, "a@x.test");
    run_until_open(&site, 1);
    deliver(&site, 1, MAIL, "a@x.test");
    deliver(&site, 2, MAIL, "a@x.test");
    run_until_translated(&site);
    relay_abandon(&site.guests[2].waiter);
    deliver(&site, 3, MAIL, "a@x.test");
    site_close(&site);
    g_assert_cmpuint(site.guests[0].replies, ==, 1);
    g_assert_cmpuint(site.guests[1].replies, ==, 1);
    g_assert_cmpuint(site.guests[2].replies, ==, 0);
    g_assert_cmpuint(site.guests[3].replies, ==, 1);
    g_assert_cmpuint(fake_http.sent, ==, 1);
}

static void
log_of_a_delivery(void)
{
    Site site;

    site_open(&site, "", "");
    deliver(&site, 0, MAIL, "a@x.test b@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 200, OK_BODY);
    deliver(&site, 1, MAIL, "a@x.test");
    run_until_open(&site, 1);
    fake_http_answer(0, 400, "{\"errors\":[{\"code\":\"13-004\",\"message\":\"no key-of-tests\"}]}");
    site_close(&site);
}

static void
test_log(void)
{
    if (g_test_subprocess()) {
        log_of_a_delivery();
        return;
    }
    g_test_trap_subprocess(NULL, 60 * G_USEC_PER_SEC, 0);
    g_test_trap_assert_passed();
    g_test_trap_assert_stderr("*delivered id=* client=127.0.0.1 from=me@from.test to=a@x.test size=* provider=main "
                              "api_ms=5 * dsn=2.0.0 remote_id=<id-1@api.test>\n*");
    g_test_trap_assert_stderr("*delivered id=* to=b@x.test *\n*");
    g_test_trap_assert_stderr("*deferred id=* to=a@x.test * dsn=4.7.0 * text=\"13-004 no ???\"\n*");
    g_test_trap_assert_stderr_unmatched("*key-of-tests*");
}

/* A58, and what sendmail -h counted before. */
static const struct {
    const char *keys;
    guint received, hops;
    bool loop;
} loops[] = {
    { "", 100, 0, false },
    { "", 101, 0, true },
    { "", 60, 40, false },
    { "", 60, 41, true },
    { "", 0, G_MAXUINT, true },
    { "max-received = 5\n", 5, 0, false },
    { "max-received = 5\n", 6, 0, true },
    { "max-received = 5\n", 1, 5, true },
    { "max-received = 200\n", 150, 50, false },
    { "max-received = 200\n", 201, 0, true },
};

static void
test_loops(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(loops); i++) {
        g_autoptr(GString) mail = g_string_new(NULL);
        Site site;
        for (guint k = 0; k < loops[i].received; k++)
            g_string_append(mail, "Received: from a by b; Mon, 1 Jan 2024 00:00:00 +0000\r\n");
        g_string_append(mail, MAIL);
        Entry *entry = entry_of(mail->str, "a@x.test");
        entry->envelope->hops = loops[i].hops;
        site_open(&site, loops[i].keys, "");
        relay_deliver(site.relay, entry, &site.guests[0].waiter);
        while (fake_http.open->len == 0 && site.guests[0].replies == 0)
            uv_run(&site.loop, UV_RUN_ONCE);
        g_assert_cmpuint(fake_http.open->len, ==, !loops[i].loop);
        if (loops[i].loop)
            g_assert_true(g_str_has_prefix(site.guests[0].line, "554 5.4.6 "));
        site_close(&site);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/relay/delivered", test_delivered);
    g_test_add_func("/relay/answers", test_answers);
    g_test_add_func("/relay/transport", test_transport);
    g_test_add_func("/relay/refused", test_refused);
    g_test_add_func("/relay/header-recipients", test_header_recipients);
    g_test_add_func("/relay/aliases", test_aliases);
    g_test_add_func("/relay/header-alias", test_header_alias);
    g_test_add_func("/relay/in-turn", test_in_turn);
    g_test_add_func("/relay/loops", test_loops);
    g_test_add_func("/relay/pause", test_pause);
    g_test_add_func("/relay/abandon", test_abandon);
    g_test_add_func("/relay/abandon-between-calls", test_abandon_between_calls);
    g_test_add_func("/relay/away", test_away);
    g_test_add_func("/relay/drain", test_drain);
    g_test_add_func("/relay/drain-idle", test_drain_idle);
    g_test_add_func("/relay/drain-limit", test_drain_limit);
    g_test_add_func("/relay/close", test_close);
    g_test_add_func("/relay/log", test_log);
    return g_test_run();
}
