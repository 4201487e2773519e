/* What the provider tests share: an account, a small mail, answers kept as files. */
#pragma once

#include "provider/provider.h"

/* An account of the driver with the key "key-of-tests"; more are further lines of its section. */
Provider *fixture_account(const char *more);

/* The same of the driver for Arara, whose client secret is "key-of-tests". */
Provider *fixture_arara(const char *more);

/* Opens section [account main] of text, whose KEYFILE becomes the path of a file holding "key-of-tests". */
Provider *fixture_open(const char *text, GError **error);

/* A mail with one text and nothing else. */
Mail *fixture_mail(const char *from, const char *text);

/* An answer: an HTTP response as it looks on the wire, or one line "! transport words". */
HttpResponse *fixture_answer(const char *path);

/* A whole answer. */
HttpResponse *fixture_response(int status, const char *body);

/* A call to these, separated by blanks. */
Call *fixture_call(const char *to);
