/* The harmless request of each driver: what it is, and what answers to it mean. */
#include "fixture.h"

#include "base/clock.h"

#include <string.h>

#define WITH_LISTS "server-composition = trial\n"

static const struct {
    const char *name;
    Provider *(*open)(const char *more);
    const char *more;
    int status;
    const char *body;
    bool works;
    int code;
    unsigned flags;
    const char *text;
} rows[] = {
    { "lists", fixture_account, WITH_LISTS, 200, "{\"deliveries\":[]}", true, 250, 0, "takes the key" },
    { "lists, full", fixture_account, WITH_LISTS, 200, "{\"deliveries\":[{\"apiData\":\"x\"}]}", true, 250, 0, "" },
    { "lists, key", fixture_account, WITH_LISTS, 401,
      "{\"errors\":[{\"code\":\"13-004\",\"field\":\"\",\"message\":\"key-of-tests failed.\"}]}", false, 454,
      OUTCOME_ALARM, "13-004 *** failed." },
    { "lists, missing field", fixture_account, WITH_LISTS, 400,
      "{\"errors\":[{\"code\":\"11-009\",\"field\":\"date\",\"message\":\"date is required.\"}]}", false, 554,
      OUTCOME_ALARM, "11-009" },
    { "lists, 403", fixture_account, WITH_LISTS, 403, "<html>", false, 454, OUTCOME_ALARM, "403" },
    { "lists, page", fixture_account, WITH_LISTS, 200, "<html>", false, 451, 0, "200" },
    { "lists, json", fixture_account, WITH_LISTS, 200, "{\"id\":\"x\"}", false, 451, 0, "JSON" },
    { "lists, 502", fixture_account, WITH_LISTS, 502, "", false, 451, 0, "502" },
    { "mail, incomplete", fixture_account, "", 400,
      "{\"errors\":[{\"code\":\"11-009\",\"field\":\"to\",\"message\":\"to is required.\"},"
      "{\"code\":\"11-009\",\"field\":\"from\",\"message\":\"from is required.\"}]}", true, 250, 0, "answers" },
    { "mail, key", fixture_account, "", 400,
      "{\"errors\":[{\"code\":\"11-009\",\"message\":\"to is required.\"},"
      "{\"code\":\"13-004\",\"message\":\"User authentication failed.\"}]}", false, 454, OUTCOME_ALARM, "13-004" },
    { "mail, crowd", fixture_account, "", 400,
      "{\"errors\":[{\"code\":\"11-007\",\"message\":\"You have exceeded\"}]}", false, 451, OUTCOME_BACK_OFF,
      "11-007" },
    { "mail, other code", fixture_account, "", 403, "{\"errors\":[{\"code\":\"77-001\",\"message\":\"No.\"}]}", false,
      454, OUTCOME_ALARM, "77-001 No." },
    { "mail, taken?", fixture_account, "", 200, "{\"id\":\"<a@b>\"}", false, 451, 0, "JSON" },
    { "mail, wrong url", fixture_account, "", 404, "<html>", false, 451, OUTCOME_ALARM, "404" },
    { "arara", fixture_arara, "", 200, "{\"items\":[],\"count\":0}", true, 250, 0, "token" },
    { "arara, 404", fixture_arara, "", 404, "{\"message\":\"not found\"}", true, 250, 0, "token" },
    { "arara, 404 of another", fixture_arara, "", 404, "<html>", false, 451, OUTCOME_ALARM, "404" },
    { "arara, token", fixture_arara, "", 401, "{\"message\":\"Unauthorized\"}", false, 454, OUTCOME_ALARM,
      "Unauthorized" },
    { "arara, 500", fixture_arara, "", 500, "{\"message\":\"oops\"}", false, 451, 0, "oops" },
};

static void
test_answers(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(Provider) provider = rows[i].open(rows[i].more);
        g_autoptr(HttpResponse) response = fixture_response(rows[i].status, rows[i].body);
        Outcome found = { 0 };

        g_test_message("%s", rows[i].name);
        g_assert_cmpint(provider->driver->probed(provider, response, &found), ==, rows[i].works);
        g_assert_cmpint(found.code, ==, rows[i].code);
        g_assert_cmpuint(found.flags, ==, rows[i].flags);
        g_assert_nonnull(strstr(found.text, rows[i].text));
        g_assert_null(strstr(found.text, "of-tests"));
        outcome_clear(&found);
    }
}

/* Without an answer nothing works. */
static void
test_broken(void)
{
    static const HttpTransport kinds[] = { HTTP_NOT_SENT, HTTP_BROKEN };

    for (guint i = 0; i < 2 * G_N_ELEMENTS(kinds); i++) {
        g_autoptr(Provider) provider = i & 1 ? fixture_account("") : fixture_arara("");
        g_autoptr(HttpResponse) response = fixture_response(0, "");
        Outcome found = { 0 };

        response->transport = kinds[i / 2];
        g_assert_false(provider->driver->probed(provider, response, &found));
        g_assert_cmpint(found.code, ==, 451);
        outcome_clear(&found);
    }
}

static char *
read_all(Source *source)
{
    char buf[1024] = { 0 };

    g_assert_cmpint(source_read(source, buf, sizeof buf - 1, NULL), ==, source->length);
    return g_strdup(buf);
}

static bool
has_field(const HttpRequest *request, const char *name)
{
    for (guint i = 0; i < request->fields->len; i++) {
        const HttpField *field = request->fields->pdata[i];
        if (g_str_equal(field->name, name))
            return true;
    }
    return false;
}

/* None of them can make mail. */
static void
test_requests(void)
{
    g_autoptr(Provider) plain = fixture_account("");
    g_autoptr(Provider) lists = fixture_account(WITH_LISTS);
    g_autoptr(Provider) arara = fixture_arara("");
    g_autoptr(Secret) token = secret_new("token-of-tests");
    g_autoptr(HttpRequest) mail = plain->driver->probe(plain, NULL);
    g_autoptr(HttpRequest) look_up = arara->driver->probe(arara, token);

    g_assert_cmpstr(mail->url, ==, "https://api.test/api/v2/emails/send.json");
    g_assert_cmpuint(mail->fields->len, ==, 2);
    g_assert_true(has_field(mail, "api_user") && has_field(mail, "api_key"));
    g_assert_cmpstr(look_up->method, ==, "GET");
    g_assert_cmpstr(look_up->url, ==, "https://api.test/send?request_id=shimtacheck");
    g_assert_cmpstr(look_up->headers->pdata[0], ==, "Authorization: Bearer token-of-tests");

    clock_freeze(G_GINT64_CONSTANT(1798729200000)); /* 2026-12-31T15:00Z, in Japan the year has begun */
    g_autoptr(HttpRequest) list = lists->driver->probe(lists, NULL);
    g_autofree char *form = read_all(list->body);
    g_assert_cmpstr(list->url, ==, "https://api.test/transaction/v2/deliveries/list.json");
    g_assert_cmpstr(form, ==, "api_user=user-of-tests&api_key=key-of-tests&server_composition=trial&date=2027-01-01"
                              "&api_data=shimta-check");
    clock_freeze(-1);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/probe/answers", test_answers);
    g_test_add_func("/probe/broken", test_broken);
    g_test_add_func("/probe/requests", test_requests);
    return g_test_run();
}
