/* The file of users: good and bad lines, hashes of several kinds, users who are not there, and lines made here. */
#include "smtp/password.h"

#include <glib/gstdio.h>
#include <string.h>
#include <unistd.h>

/* By mkpasswd(1), of "secret". */
#define SHA512 "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDehy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1"
#define SHA256 "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA"
#define YESCRYPT "$y$j9T$Ubpb3QKSWViQe7Xuyq.Zq1$MuhLV//dPTloqtXtOt.O6p21LMwBlFZND6xGDbQaWmA"
#define KEY "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define VERIFIER "{SCRAM-SHA-256}4096,c2FsdA==," KEY "," KEY

static void
test_lines(void)
{
    static const struct { const char *text, *wrong; } rows[] = {
        { "ann:" SHA512 "\n", NULL },
        { "# comment\n\nann@example.jp:" YESCRYPT ":" VERIFIER "\r\nbob:" SHA256 ":\n", NULL },
        { "山田:" SHA512, NULL },
        { "ann:*:" VERIFIER, NULL },
        { "ann::" VERIFIER ",c2FsdGVk\n", NULL },
        { "", NULL },
        { "# nobody\n", NULL },
        { "ann", "users:1: must be user:hash" },
        { "ann:" SHA512 "\nann:" SHA512, "users:2: the user is there already" },
        { "\n:" SHA512, "users:2: the user's name" },
        { "a\tb:" SHA512, "users:1: the user's name" },
        { "a\xff:" SHA512, "users:1: the user's name" },
        { "ann:secret", "users:1: the hash is none" },
        { "ann:ab/wQ7Wx5Bkeo", "users:1: the hash is none" },
        { "ann:{SSHA}xyz", "users:1: the hash is none" },
        { "ann:$99$salt$hash", "users:1: the hash is none" },
        { "ann:", "users:1: there is neither" },
        { "ann:*:", "users:1: there is neither" },
        { "ann:" SHA512 ":SCRAM", "users:1: the verifier" },
        { "ann:" SHA512 ":{SCRAM-SHA-256}4095,c2FsdA==," KEY "," KEY, "users:1: the verifier" },
        { "ann:" SHA512 ":{SCRAM-SHA-256}4096,c2FsdA=," KEY "," KEY, "users:1: the verifier" },
        { "ann:" SHA512 ":{SCRAM-SHA-256}4096,c2FsdA==," KEY ",AAAA", "users:1: the verifier" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(Passwords) passwords = passwords_parse("users", rows[i].text, &error);
        g_assert_cmpint(passwords != NULL, ==, rows[i].wrong == NULL);
        if (rows[i].wrong && !g_str_has_prefix(error->message, rows[i].wrong))
            g_error("%s", error->message);
    }
}

static bool is_let_in(const Passwords *passwords, const char *user, const char *password);

static void
test_nobody(void)
{
    g_autoptr(Passwords) nobody = passwords_parse("users", "# nobody\n", NULL);
    g_autoptr(Passwords) somebody = passwords_parse("users", "ann:" SHA512 "\n", NULL);
    ScramVerifier verifier = passwords_scram(nobody, "ann");

    g_assert_true(passwords_are_none(nobody));
    g_assert_false(passwords_are_none(somebody));
    g_assert_false(is_let_in(nobody, "ann", "secret"));
    g_assert_false(is_let_in(nobody, "", ""));
    g_assert_nonnull(verifier.stored_key);
    scram_verifier_clear(&verifier);
}

static bool
is_let_in(const Passwords *passwords, const char *user, const char *password)
{
    bool known;
    const char *hash = passwords_hash(passwords, user, &known);
    bool matches = password_matches(hash, password);

    return known && matches;
}

static void
test_hashes(void)
{
    g_autoptr(Passwords) passwords =
        passwords_parse("users", "a:" SHA512 "\nb:" SHA256 "\nc:" YESCRYPT "\nd:*:" VERIFIER "\n", NULL);
    static const char *const users[] = { "a", "b", "c" };

    for (guint i = 0; i < G_N_ELEMENTS(users); i++) {
        g_assert_true(is_let_in(passwords, users[i], "secret"));
        g_assert_false(is_let_in(passwords, users[i], "Secret"));
        g_assert_false(is_let_in(passwords, users[i], ""));
    }
    g_autofree char *endless = g_strnfill(100000, 'x');
    g_assert_false(is_let_in(passwords, "a", endless));
    g_assert_false(is_let_in(passwords, "d", "secret"));
    g_assert_false(is_let_in(passwords, "*", "*"));
    g_assert_false(is_let_in(passwords, "nobody", "secret"));
    g_assert_false(passwords_have_scram(passwords));
}

/* Who is not there has a hash to be compared with too, always the same. */
static void
test_unknown(void)
{
    g_autoptr(Passwords) passwords = passwords_parse("users", "a:" SHA512 ":" VERIFIER "\nd:*:" VERIFIER "\n", NULL);
    bool known;

    for (guint i = 0; i < 20; i++) {
        g_autofree char *user = g_strdup_printf("nobody%u", i);
        g_assert_cmpstr(passwords_hash(passwords, user, &known), ==, SHA512);
        g_assert_false(known);
        ScramVerifier one = passwords_scram(passwords, user), again = passwords_scram(passwords, user);
        g_assert_cmpstr(one.iterations, ==, "4096");
        g_assert_cmpuint(strlen(one.salt), ==, strlen("c2FsdA=="));
        g_assert_cmpstr(one.salt, ==, again.salt);
        g_assert_cmpstr(one.stored_key, ==, again.stored_key);
        g_assert_cmpstr(one.stored_key, !=, one.server_key);
        g_assert_cmpstr(one.stored_key, !=, KEY);
        scram_verifier_clear(&one);
        scram_verifier_clear(&again);
    }
}

static void
test_made(void)
{
    static const char *const passwords_[] = { "secret", "pass word:with#all", "パスワード", "sécret" };

    for (guint i = 0; i < G_N_ELEMENTS(passwords_); i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *line = password_line("ann@example.jp", passwords_[i], &error);
        g_autofree char *other = password_line("ann@example.jp", passwords_[i], &error);
        g_assert_no_error(error);
        g_assert_cmpstr(line, !=, other);
        g_assert_null(strstr(line, passwords_[i]));
        g_autoptr(Passwords) users = passwords_parse("users", line, &error);
        g_assert_no_error(error);
        g_assert_true(passwords_have_scram(users));
        g_assert_true(is_let_in(users, "ann@example.jp", passwords_[i]));
        g_assert_false(is_let_in(users, "ann@example.jp", "wrong"));
    }
    static const struct { const char *user, *password; } bad[] = {
        { "", "x" }, { "a:b", "x" }, { "#a", "x" }, { "a\n", "x" }, { "a", "" }, { "a", "x\ny" },
    };
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(password_line(bad[i].user, bad[i].password, NULL));
}

static void
test_file(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *path = NULL;
    int fd = g_file_open_tmp("shimta-users-XXXXXX", &path, NULL);

    g_assert_cmpint(fd, >=, 0);
    close(fd);
    g_file_set_contents(path, "ann:" SHA512 "\n", -1, NULL);
    g_chmod(path, 0640);
    g_assert_null(passwords_load(path, &error));
    g_assert_nonnull(strstr(error->message, "chmod 600"));
    g_chmod(path, 0600);
    g_autoptr(Passwords) passwords = passwords_load(path, NULL);
    g_assert_true(is_let_in(passwords, "ann", "secret"));
    g_unlink(path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/password/lines", test_lines);
    g_test_add_func("/password/nobody", test_nobody);
    g_test_add_func("/password/hashes", test_hashes);
    g_test_add_func("/password/unknown", test_unknown);
    g_test_add_func("/password/made", test_made);
    g_test_add_func("/password/file", test_file);
    return g_test_run();
}
