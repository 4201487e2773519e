#include "sendmail/link.h"
#include "sendmail/submit.h"

#include <glib.h>
#include <string.h>
#include <sys/socket.h>
#include <sysexits.h>
#include <unistd.h>

static const struct { int code; const char *dsn; int want; } sysexits_rows[] = {
    { 421, "", EX_TEMPFAIL },        { 421, "4.3.2", EX_TEMPFAIL },   { 450, "4.1.1", EX_TEMPFAIL },
    { 451, "4.7.1", EX_TEMPFAIL },   { 452, "4.5.3", EX_TEMPFAIL },   { 454, "4.7.0", EX_TEMPFAIL },
    { 550, "5.1.1", EX_NOUSER },     { 553, "5.1.3", EX_NOUSER },     { 550, "5.1.10", EX_NOUSER },
    { 554, "5.5.4", EX_USAGE },      { 554, "5.5.41", EX_UNAVAILABLE }, { 554, "5.6.0", EX_DATAERR },
    { 554, "5.6.7", EX_DATAERR },    { 552, "5.3.4", EX_DATAERR },    { 552, "", EX_DATAERR },
    { 554, "5.3.4", EX_DATAERR },    { 550, "5.7.1", EX_NOPERM },     { 535, "5.7.8", EX_NOPERM },
    { 554, "5.0.0", EX_UNAVAILABLE }, { 550, "", EX_UNAVAILABLE },    { 500, "5.5.2", EX_UNAVAILABLE },
    { 554, "5.3.0", EX_UNAVAILABLE }, { 250, "2.0.0", EX_PROTOCOL },  { 354, "", EX_PROTOCOL },
    { 501, "5.5.4", EX_UNAVAILABLE }, { 555, "5.5.4", EX_UNAVAILABLE },
};

static void
test_sysexits(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(sysexits_rows); i++) {
        Reply reply = { .code = sysexits_rows[i].code };
        strcpy(reply.dsn, sysexits_rows[i].dsn);
        g_test_message("%d %s", reply.code, reply.dsn);
        g_assert_cmpint(submit_sysexit(&reply), ==, sysexits_rows[i].want);
    }
}

static const struct { const char *wire; LinkResult result; int code; const char *dsn, *text; } reply_rows[] = {
    { "250 2.0.0 Ok: queued as x\r\n", LINK_OK, 250, "2.0.0", "Ok: queued as x" },
    { "250 Ok\r\n", LINK_OK, 250, "", "Ok" },
    { "250 Ok\n", LINK_OK, 250, "", "Ok" },
    { "250\r\n", LINK_OK, 250, "", "" },
    { "250 \r\n", LINK_OK, 250, "", "" },
    { "250 2.0.0\r\n", LINK_OK, 250, "2.0.0", "" },
    { "250-2.0.0 Ok: queued as x\r\n250 2.0.0 and y\r\n", LINK_OK, 250, "2.0.0", "Ok: queued as x\nand y" },
    { "250-mx\r\n250-SIZE 1\r\n250 DSN\r\n", LINK_OK, 250, "", "mx\nSIZE 1\nDSN" },
    { "550 5.1.10 no\r\n", LINK_OK, 550, "5.1.10", "no" },
    { "550 5.1.1111 no\r\n", LINK_OK, 550, "", "5.1.1111 no" },
    { "550 5..1 no\r\n", LINK_OK, 550, "", "5..1 no" },
    { "550 55.1.1 no\r\n", LINK_OK, 550, "", "55.1.1 no" },
    { "550 192.0.2.1 no\r\n", LINK_OK, 550, "", "192.0.2.1 no" },
    { "550 5.1.1x no\r\n", LINK_OK, 550, "", "5.1.1x no" },
    { "HTTP/1.1 200 OK\r\n", LINK_NONSENSE, 0, "", "" },
    { "\r\n", LINK_NONSENSE, 0, "", "" },
    { "25 x\r\n", LINK_NONSENSE, 0, "", "" },
    { "650 x\r\n", LINK_NONSENSE, 0, "", "" },
    { "250x\r\n", LINK_NONSENSE, 0, "", "" },
    { "250 cut sho", LINK_LOST, 0, "", "" },
    { "250-more\r\n", LINK_LOST, 0, "", "" },
    { "", LINK_LOST, 0, "", "" },
};

static LinkResult
read_reply(const char *wire, Reply *reply)
{
    int ends[2];
    Link link;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
    g_assert_cmpint(write(ends[1], wire, strlen(wire)), ==, (gssize) strlen(wire));
    close(ends[1]);
    link_init(&link, ends[0]);
    LinkResult result = link_reply(&link, reply);
    close(ends[0]);
    return result;
}

static void
test_replies(void)
{
    for (size_t i = 0; i < G_N_ELEMENTS(reply_rows); i++) {
        Reply reply;
        g_test_message("%s", reply_rows[i].wire);
        g_assert_cmpint(read_reply(reply_rows[i].wire, &reply), ==, reply_rows[i].result);
        if (reply_rows[i].result != LINK_OK)
            continue;
        g_assert_cmpint(reply.code, ==, reply_rows[i].code);
        g_assert_cmpstr(reply.dsn, ==, reply_rows[i].dsn);
        g_assert_cmpstr(reply.text, ==, reply_rows[i].text);
    }
}

static void
test_long_replies(void)
{
    g_autofree char *filler = g_strnfill(500, 'x');
    g_autoptr(GString) many = g_string_new(NULL);
    Reply reply;

    for (int i = 0; i < 50; i++)
        g_string_append_printf(many, "250-%s\r\n", filler);
    g_string_append(many, "250 end\r\n");
    g_assert_cmpint(read_reply(many->str, &reply), ==, LINK_OK);
    g_assert_cmpuint(strlen(reply.text), ==, sizeof reply.text - 1);

    g_autofree char *line = g_strnfill(100000, '2');
    g_assert_cmpint(read_reply(line, &reply), ==, LINK_NONSENSE);
}

static void
test_silence(void)
{
    int ends[2];
    Reply reply;
    Link link;

    g_assert_cmpint(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), ==, 0);
    link_init(&link, ends[0]);
    g_assert_cmpint(link.silence_ms, ==, LINK_COMMAND_MS);
    link.silence_ms = 20;
    g_assert_cmpint(link_reply(&link, &reply), ==, LINK_LOST);

    g_autofree char *block = g_malloc0(8 << 20); /* nobody reads: the buffers fill and stay full */
    g_assert_cmpint(link_send(&link, block, 8 << 20, true), ==, LINK_LOST);
    g_assert_cmpint(write(ends[1], "552 no\r\n", 8), ==, 8);
    g_assert_cmpint(link_send(&link, block, 8 << 20, true), ==, LINK_ANSWERED);
    g_assert_cmpint(link_reply(&link, &reply), ==, LINK_OK);
    g_assert_cmpint(reply.code, ==, 552);
    close(ends[0]);
    close(ends[1]);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sendmail/link/sysexits", test_sysexits);
    g_test_add_func("/sendmail/link/replies", test_replies);
    g_test_add_func("/sendmail/link/long-replies", test_long_replies);
    g_test_add_func("/sendmail/link/silence", test_silence);
    return g_test_run();
}
