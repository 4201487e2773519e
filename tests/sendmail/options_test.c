#include "sendmail/complain.h"
#include "sendmail/options.h"

#include <glib.h>
#include <string.h>
#include <sysexits.h>

static int
parse(Options *options, const char *const *words)
{
    return options_parse(options, (int) g_strv_length((char **) words), words);
}

/* What a command line means: mode, letters of what is set, then named values. */
static char *
describe(const Options *o)
{
    static const char *const modes[] = { "send", "smtp", "queue", "count", "run", "verify", "route", "aliases",
                                         "nothing", "daemon", "foreground", "check", "version", "help" };
    GString *text = g_string_new(modes[o->mode]);

    g_string_append_printf(text, "%s%s%s%s%s%s%s", o->from_headers ? " t" : "", o->dots_are_data ? " i" : "",
                           o->gateway ? " G" : "", o->utf8 ? " U" : "", o->verbose ? " v" : "", o->debug ? " d" : "",
                           o->run_queue ? " q" : "");
    if (o->sender)
        g_string_append_printf(text, " f=<%s>", o->sender_path);
    if (o->full_name)
        g_string_append_printf(text, " F=%s", o->full_name);
    if (o->body)
        g_string_append_printf(text, " B=%s", o->body);
    if (o->no_aliases)
        g_string_append(text, " n");
    if (o->delivery)
        g_string_append_printf(text, " od=%s", o->delivery);
    if (o->errors)
        g_string_append_printf(text, " oe=%c", o->errors);
    if (o->hops)
        g_string_append_printf(text, " h=%s", o->hops);
    if (o->tag)
        g_string_append_printf(text, " L=%s", o->tag);
    if (o->via)
        g_string_append_printf(text, " p=%s", o->via);
    if (o->file)
        g_string_append_printf(text, " C=%s", o->file);
    if (o->run_key)
        g_string_append_printf(text, " %s=%s", o->run_key, o->run_value);
    if (o->envid)
        g_string_append_printf(text, " V=%s", o->envid);
    if (o->notify)
        g_string_append_printf(text, " N=%s", o->notify);
    if (o->ret)
        g_string_append_printf(text, " R=%s", o->ret);
    for (int i = 0; i < o->n_addresses; i++)
        g_string_append_printf(text, " to:%s", o->addresses[i]);
    return g_string_free(text, FALSE);
}

#define ROW(want, ...) { (const char *const[]) { __VA_ARGS__, NULL }, want, EX_OK }
#define BAD(status, ...) { (const char *const[]) { __VA_ARGS__, NULL }, NULL, status }
#define SM "/usr/sbin/sendmail"

typedef struct { const char *const *words; const char *want; int status; } Row;

/* SENDMAIL.md section 6: what programs in the field pass. */
static const Row caller_rows[] = {
    ROW("send t i", SM, "-t", "-i"),
    ROW("send t i f=<u@h>", SM, "-t", "-i", "-fu@h"),
    ROW("send i f=<u@h> to:a@b", SM, "-i", "-f", "u@h", "a@b"),
    ROW("send i f=<u@h> to:a@b to:c@d", SM, "-i", "-f", "u@h", "--", "a@b", "c@d"),
    ROW("send t i f=<u@h> oe=m", SM, "-t", "-oi", "-oem", "-fu@h"),
    ROW("send i F=CronDaemon B=8BITMIME oe=m to:root", SM, "-FCronDaemon", "-i", "-B8BITMIME", "-oem", "root"),
    ROW("send F=CronDaemon od=verdict oe=m to:root", SM, "-FCronDaemon", "-odi", "-oem", "-or0s", "root"),
    ROW("send t i f=<root> F=CronDaemon od=verdict oe=m", SM, "-FCronDaemon", "-i", "-odi", "-oem", "-oi", "-t", "-f", "root"),
    ROW("send i f=<a@b> B=8BITMIME oe=m N=failure,delay R=HDRS to:c@d", SM, "-oem", "-oi", "-B8BITMIME", "-f", "a@b", "-N",
        "failure,delay", "-R", "hdrs", "--", "c@d"),
    ROW("smtp od=queue oe=m", SM, "-bs", "-odb", "-oem"),
    ROW("smtp", SM, "-bs"),
    ROW("send i v f=<a@b> F=Jane to:c@d", SM, "-i", "-m", "-v", "-F", "Jane", "-f", "a@b", "--", "c@d"),
    ROW("send t i v", SM, "-i", "-t", "-m", "-v"),
    ROW("send t i f=<u@h>", SM, "-oi", "-f", "u@h", "-t"),
    ROW("send f=<fail2ban> to:root", SM, "-f", "fail2ban", "root"),
    ROW("send to:root", SM, "root"),
    ROW("send t", SM, "-t"),
    ROW("queue", "mailq"),
    ROW("queue v", "/usr/bin/mailq", "-v"),
    ROW("aliases", "newaliases"),
    ROW("send to:a@b", "/usr/lib/send-mail", "a@b"),
    ROW("nothing", "/x/hoststat"),
    ROW("send to:root", "rmail", "root"),
};

/* Every way to write each option of the table. */
static const Row form_rows[] = {
    ROW("send t i", SM, "-ti"),
    ROW("send t i v", SM, "-vit"),
    ROW("send t f=<a@b>", SM, "-tfa@b"),
    ROW("send t f=<a@b>", SM, "-tf", "a@b"),
    ROW("send t f=<a@b>", SM, "-t", "-ra@b"),
    ROW("send t f=<a@b>", SM, "-t", "-r", "a@b"),
    ROW("send t f=<>", SM, "-t", "-f", ""),
    ROW("send t f=<>", SM, "-t", "-f<>"),
    ROW("send t f=<a@b>", SM, "-t", "-f", "Jane <a@b>"),
    ROW("send t f=<c@d>", SM, "-t", "-fa@b", "-f", "c@d"),
    ROW("send t f=<\"a b\"@x>", SM, "-t", "-f\"a b\"@x"),
    ROW("send t U f=<ü@x>", SM, "-t", "-fü@x"),
    ROW("send U to:ü@x", SM, "ü@x"),
    ROW("send t F=", SM, "-t", "-F", ""),
    ROW("send t F=A B", SM, "-t", "-FA B"),
    ROW("send t i", SM, "-t", "-oitrue"),
    ROW("send t", SM, "-t", "-oi", "-oifalse"),
    ROW("send t i", SM, "-t", "-OIgnoreDots=True"),
    ROW("send t i", SM, "-t", "-O", "IgnoreDots"),
    ROW("send t", SM, "-t", "-i", "-O", "ignoredots=false"),
    ROW("send t od=queue", SM, "-t", "-O", "DeliveryMode=b", "-oQ/tmp", "-oA/etc/aliases", "-o"),
    ROW("send t od=verdict oe=p", SM, "-t", "-Odeliverymode=interactive", "-O", "ErrorMode=print", "-O", "Timeout=1"),
    ROW("send t", SM, "-t", "-O", "DeliveryModes=b", "-O", "Error=q", "-O", "=", "-O", "DeliveryMode", "-O", "ErrorMode="),
    ROW("send t", SM, "-t", "-X", "/tmp/x.php", "-X/tmp/x.php", "-D/tmp/d", "-D", "/tmp/d"),
    ROW("send t C=/tmp/c", SM, "-t", "-C", "/tmp/d", "-C/tmp/c"),
    ROW("send t od=queue", SM, "-t", "-odb"),
    ROW("send t od=queue", SM, "-t", "-odbackground"),
    ROW("send t od=later", SM, "-t", "-odd"),
    ROW("send t od=verdict", SM, "-t", "-odi"),
    ROW("send t od=later", SM, "-t", "-odi", "-odq", "-od", "-odx"),
    ROW("send t oe=p", SM, "-t", "-oem", "-oep"),
    ROW("send t oe=e", SM, "-t", "-oee"),
    ROW("send t oe=w", SM, "-t", "-oeq", "-oew", "-oe", "-e"),
    ROW("send t oe=m", SM, "-t", "-em"),
    ROW("send t oe=m", SM, "-t", "-e", "m"),
    ROW("send t", SM, "-t", "-om", "-oo", "-o7", "-o8", "-os", "-m", "-x", "-E", "-Ex", "-J", "-Jx"),
    ROW("send t n", SM, "-t", "-n"),
    ROW("send t h=3", SM, "-t", "-Ac", "-Am", "-A", "-h", "3", "-Qx", "-Q"),
    ROW("send t h=25", SM, "-t", "-h25", "-h", "x", "-h", "1234567890", "-h", "-1", "-h", ""),
    ROW("send t L=tag p=uucp:host", SM, "-t", "-Ltag", "-p", "uucp:host"),
    ROW("send t L=tag p=a", SM, "-t", "-L", "tag", "-pa"),
    ROW("send t B=7BIT", SM, "-t", "-B", "7bit"),
    ROW("send t B=8BITMIME", SM, "-t", "-BBINARYMIME"),
    ROW("send t", SM, "-t", "-B", "base64"),
    ROW("send t G U", SM, "-tGU"),
    ROW("send t d", SM, "-t", "-d0-99.1"),
    ROW("send t d", SM, "-d", "-t"),
    ROW("send t N=NEVER", SM, "-t", "-NNEVER"),
    ROW("send t V=a+2Bb", SM, "-t", "-V", "a+2Bb"),
    ROW("send t R=FULL", SM, "-t", "-Rfull"),
    ROW("send t q", SM, "-t", "-q"),
    ROW("send q to:15m", SM, "-q", "15m"),
    ROW("run q", SM, "-q"),
    ROW("nothing", SM, "-q15m"),
    ROW("run q", SM, "-q15m", "-q"),
    ROW("run q", SM, "-qf"),
    ROW("nothing", SM, "-qp1h"),
    ROW("run q TO=example.jp", SM, "-qRexample.jp"),
    ROW("run q ID=0abc", SM, "-qI0abc"),
    ROW("run v q FROM=a@b", SM, "-v", "-qSa@b"),
    ROW("run", "/usr/sbin/runq"),
    ROW("queue", "mailq.shimta"),
    ROW("aliases", "/etc/newaliases.shimta"),
    ROW("send t", "mailqueue", "-t"),
    ROW("verify to:a@b", SM, "-bv", "a@b"),
    ROW("verify f=<c@d> to:a b@x to:-q", SM, "-bv", "-fc@d", "--", "a b@x", "-q"),
    ROW("route", SM, "-bt"),
    ROW("route d to:a@b", SM, "-bt", "-d", "a@b"),
    ROW("send t", SM, "-ba", "-t"),
    ROW("send t", SM, "-bs", "-bm", "-t"),
    ROW("queue", SM, "-bp"),
    ROW("count", SM, "-bP"),
    ROW("aliases", SM, "-bi"),
    ROW("aliases", SM, "-I"),
    ROW("nothing", SM, "-bh"),
    ROW("nothing", SM, "-bH"),
    ROW("daemon", SM, "-bd", "-q15m"),
    ROW("daemon od=queue L=sm-mta", SM, "-bd", "-L", "sm-mta", "-odb"),
    ROW("daemon", SM, "-bl"),
    ROW("foreground", SM, "-bD"),
    ROW("check", SM, "-bC"),
    ROW("version", SM, "-bV"),
    ROW("version", SM, "--version"),
    ROW("help", SM, "--help"),
    ROW("send t", SM, "-t", "-Z", "--read-envelope-from", "-9"),
    ROW("send to:a@b, Jane <c@d>", SM, "a@b, Jane <c@d>"),
    ROW("send to:a@b", SM, "--", "a@b"),
};

static const Row bad_rows[] = {
    BAD(EX_USAGE, SM),
    BAD(EX_USAGE, SM, "-i"),
    BAD(EX_USAGE, SM, "--"),
    BAD(EX_DATAERR, SM, ""),
    BAD(EX_DATAERR, SM, "--", "-oQ/tmp"),
    BAD(EX_DATAERR, SM, "a@b", "-X/tmp/x"),
    BAD(EX_DATAERR, SM, "-"),
    BAD(EX_DATAERR, SM, "a@b\r\nRCPT TO:<c@d>"),
    BAD(EX_DATAERR, SM, "a@b", "c@d\n"),
    BAD(EX_DATAERR, SM, "<>"),
    BAD(EX_DATAERR, SM, "-t", "-f", "a@b\r\nX: y"),
    BAD(EX_DATAERR, SM, "-t", "-fa@b> SIZE=1 <"),
    BAD(EX_DATAERR, SM, "-t", "-fa b@x"),
    BAD(EX_DATAERR, SM, "-t", "-f", "a@b,c@d"),
    BAD(EX_DATAERR, SM, "-t", "-f", "-oQ/tmp"),
    BAD(EX_DATAERR, SM, "-t", "-F", "x\nBcc: y@z"),
    BAD(EX_DATAERR, SM, "-t", "-Fx\x7f"),
    BAD(EX_USAGE, SM, "-t", "-N", "sometimes"),
    BAD(EX_USAGE, SM, "-t", "-N", "never,failure"),
    BAD(EX_USAGE, SM, "-t", "-N", "failure,"),
    BAD(EX_USAGE, SM, "-t", "-N", ""),
    BAD(EX_USAGE, SM, "-t", "-N", "delay,delay,delay,delay,delay,delay,delay"),
    BAD(EX_USAGE, SM, "-t", "-R", "half"),
    BAD(EX_USAGE, SM, "-t", "-V", "a b"),
    BAD(EX_USAGE, SM, "-t", "-V", "a+2"),
    BAD(EX_USAGE, SM, "-t", "-V", "a+zz"),
    BAD(EX_USAGE, SM, "-t", "-V", "a=b"),
    BAD(EX_USAGE, SM, "-t", "-V", "山"),
    BAD(EX_USAGE, SM, "-bv"),
    BAD(EX_USAGE, SM, "-bv", "-t", "a@b"),
    BAD(EX_USAGE, SM, "-t", "-OQueueDirectory=/tmp"),
    BAD(EX_USAGE, SM, "-t", "-O", "queuedirectory"),
    BAD(EX_USAGE, SM, "-qR"),
    BAD(EX_USAGE, SM, "-qI"),
    BAD(EX_USAGE, SM, "-q!Rx"),
    BAD(EX_USAGE, SM, "-qQ"),
    BAD(EX_USAGE, SM, "-bS"),
    BAD(EX_USAGE, SM, "-be"),
    BAD(EX_USAGE, SM, "-b"),
    BAD(EX_USAGE, SM, "-bdx"),
    BAD(EX_USAGE, SM, "-t", "--account="),
    BAD(EX_USAGE, SM, "-bd", "--account=x"),
    BAD(EX_USAGE, SM, "-t", "-i", "-bd"),
    BAD(EX_USAGE, SM, "-bD", "a@b"),
    BAD(EX_USAGE, SM, "-bd", "-fa@b"),
    BAD(EX_USAGE, SM, "-bD", "-i"),
    BAD(EX_USAGE, SM, "-Vid", "-bd"),
    BAD(EX_USAGE, SM, "-bd", "-N", "never"),
    BAD(EX_USAGE, SM, "-t", "-s", "subject"),
    BAD(EX_USAGE, SM, "-t", "-a", "account"),
    BAD(EX_USAGE, SM, "-t", "-P"),
    BAD(EX_USAGE, SM, "-Mrm", "1abc"),
    BAD(EX_USAGE, SM, "-t", "-XV"),
    BAD(EX_USAGE, SM, "-t", "-tls-on-connect"),
};

static void
check_rows(const Row *rows, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        g_autofree char *line = g_strjoinv(" ", (char **) rows[i].words);
        Options options;

        g_test_message("%s", line);
        g_assert_cmpint(parse(&options, rows[i].words), ==, rows[i].status);
        if (!rows[i].want)
            continue;
        g_autofree char *got = describe(&options);
        g_assert_cmpstr(got, ==, rows[i].want);
    }
}

static void
test_callers(void)
{
    check_rows(caller_rows, G_N_ELEMENTS(caller_rows));
}

static void
test_forms(void)
{
    check_rows(form_rows, G_N_ELEMENTS(form_rows));
}

static void
test_refusals(void)
{
    check_rows(bad_rows, G_N_ELEMENTS(bad_rows));
}

/* Every letter, with every kind of value: missing, empty, 10 KB, with a line break. Values with control characters never
 * get through; the rest ends in a known status. */
static void
test_matrix(void)
{
    static const char *const separate[] = { "B", "C", "D", "F", "f", "h", "L", "N", "O", "p", "R", "r", "V", "X" };
    static const char *const attached[] = { "A", "E", "J", "M", "P", "Q", "a", "b", "bs", "d", "e", "o", "od", "oe",
                                            "oi", "q", "s", "XV" };
    g_autofree char *huge = g_strnfill(10240, 'x');
    Options options;

    for (size_t i = 0; i < G_N_ELEMENTS(separate); i++) {
        g_autofree char *alone = g_strconcat("-", separate[i], NULL);
        g_autofree char *glued = g_strconcat(alone, "a\nb", NULL);
        const char *missing[] = { SM, "-t", alone, NULL };
        const char *newline[] = { SM, "-t", alone, "a\nb", NULL };
        const char *newline_glued[] = { SM, "-t", glued, NULL };
        const char *large[] = { SM, "-t", alone, huge, NULL };
        const char *empty[] = { SM, "-t", alone, "", NULL };

        g_test_message("-%s", separate[i]);
        g_assert_cmpint(parse(&options, missing), ==, EX_USAGE);
        g_assert_cmpint(parse(&options, newline), ==, EX_DATAERR);
        g_assert_cmpint(parse(&options, newline_glued), ==, EX_DATAERR);
        int status = parse(&options, large);
        int want = strchr("NRV", *separate[i]) ? EX_USAGE : strchr("fr", *separate[i]) ? EX_DATAERR : EX_OK;
        g_assert_cmpint(status, ==, want);
        g_assert_cmpint(parse(&options, empty), ==, strchr("NRV", *separate[i]) ? EX_USAGE : EX_OK);
    }
    for (size_t i = 0; i < G_N_ELEMENTS(attached); i++) {
        g_autofree char *newline = g_strdup_printf("-%sa\nb", attached[i]);
        g_autofree char *large = g_strdup_printf("-%s%s", attached[i], huge);
        const char *words[] = { SM, "-t", newline, NULL };
        const char *large_words[] = { SM, "-t", large, NULL };

        g_test_message("-%s", attached[i]);
        g_assert_cmpint(parse(&options, words), ==, EX_DATAERR);
        int status = parse(&options, large_words);
        g_assert_true(status == EX_OK || status == EX_USAGE);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    complain_not(true);
    g_test_add_func("/sendmail/options/callers", test_callers);
    g_test_add_func("/sendmail/options/forms", test_forms);
    g_test_add_func("/sendmail/options/refusals", test_refusals);
    g_test_add_func("/sendmail/options/matrix", test_matrix);
    return g_test_run();
}
