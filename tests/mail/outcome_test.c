#include "mail/outcome.h"

#include <string.h>

static void
test_set(void)
{
    Outcome self = { 0 };

    outcome_set(&self, OUTCOME_TRANSIENT, 451, "4.3.2", "first");
    self.remote_id = g_strdup("<id@x>");
    self.retry_after_ms = 5;
    self.flags = OUTCOME_BACK_OFF;
    outcome_set(&self, OUTCOME_PERMANENT, 550, "5.7.1", self.text); /* its own text */
    g_assert_cmpint(self.verdict, ==, OUTCOME_PERMANENT);
    g_assert_cmpint(self.code, ==, 550);
    g_assert_cmpstr(self.dsn, ==, "5.7.1");
    g_assert_cmpstr(self.text, ==, "first");
    g_assert_null(self.remote_id);
    g_assert_cmpint(self.retry_after_ms, ==, 0);
    g_assert_cmpuint(self.flags, ==, 0);

    outcome_clear(&self);
    g_assert_cmpint(self.verdict, ==, OUTCOME_OPEN);
    g_assert_null(self.text);
}

static void
test_text(void)
{
    Outcome self = { 0 };
    g_autofree char *longer = g_strnfill(500, 'x');

    outcome_set(&self, OUTCOME_PERMANENT, 554, "5.6.0", "a\r\nb\x1b[2J \xe3\x81\x82\x7f ");
    g_assert_cmpstr(self.text, ==, "a  b?[2J ????");
    outcome_set(&self, OUTCOME_PERMANENT, 554, "5.6.0", longer);
    g_assert_cmpuint(strlen(self.text), ==, 400);
    outcome_set(&self, OUTCOME_PERMANENT, 554, NULL, NULL);
    g_assert_cmpstr(self.text, ==, "");
    g_assert_cmpstr(self.dsn, ==, "");
    outcome_clear(&self);
}

static void
test_array(void)
{
    g_autoptr(GArray) array = outcomes_new(3);
    Outcome *rows = (Outcome *)(void *)array->data;

    g_assert_cmpuint(array->len, ==, 3);
    g_assert_cmpint(rows[2].verdict, ==, OUTCOME_OPEN);
    outcome_set(&rows[0], OUTCOME_DELIVERED, 250, "2.0.0", "Ok");
    rows[0].remote_id = g_strdup("<1@x>");
    outcome_copy(&rows[1], &rows[0]);
    outcome_copy(&rows[1], &rows[1]);
    outcome_clear(&rows[0]);
    g_assert_cmpstr(rows[1].remote_id, ==, "<1@x>");
    g_assert_cmpstr(outcome_verdict_name(rows[1].verdict), ==, "delivered");
    g_assert_cmpstr(outcome_verdict_name(OUTCOME_UNKNOWN), ==, "unknown");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/outcome/set", test_set);
    g_test_add_func("/outcome/text", test_text);
    g_test_add_func("/outcome/array", test_array);
    return g_test_run();
}
