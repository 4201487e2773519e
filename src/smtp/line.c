#include "smtp/state.h"

#include <string.h>

static bool
smtp_skip(SmtpSession *self, size_t n)
{
    self->in += n;
    self->left -= n;
    self->skipped += n;
    if (self->skipped < SMTP_GIVE_UP_BYTES)
        return true;
    smtp_quit(self, 500, "5.5.2", "Line too long");
    return false;
}

/* The end of a line that was too long. */
static void
smtp_skipped(SmtpSession *self)
{
    self->skipped = 0;
    g_clear_pointer(&self->sasl, sasl_free);
    if (self->skipping_auth)
        smtp_fail(self, 500, "5.5.6", "Authentication line too long");
    else
        smtp_fail(self, 500, "5.5.2", "Line too long");
}

/* One line without its end. */
static void
smtp_line(SmtpSession *self, char *line, size_t n)
{
    bool crlf = n > 0 && line[n - 1] == '\r';

    n -= crlf;
    line[n] = '\0';
    /* A NUL must not cut the line: what it is turned into is as wrong everywhere. */
    for (char *nul = line; (nul = memchr(nul, '\0', n - (size_t)(nul - line)));)
        *nul = '\1';
    /* Whoever sees other lines than we do may see other commands. */
    if (!crlf && self->settings->crlf_only)
        smtp_quit(self, 500, "5.5.2", "Lines end with CR LF");
    else if (self->sasl)
        smtp_auth_line(self, line);
    else
        smtp_command(self, line);
}

bool
smtp_step_command(SmtpSession *self)
{
    const char *lf = memchr(self->in, '\n', self->left);
    size_t n = lf ? (size_t)(lf + 1 - self->in) : self->left;
    bool auth = self->sasl || (self->left >= 5 && g_ascii_strncasecmp(self->in, "AUTH ", 5) == 0);

    /* The first byte of a TLS handshake. */
    if (self->state == SMTP_GREETED && *self->in == '\x16') {
        smtp_quit(self, 554, "5.5.0", "TLS does not begin here");
        return false;
    }
    if (!self->skipped)
        self->skipping_auth = auth;
    if (self->skipped || n > (size_t)(auth ? SMTP_AUTH_BYTES : SMTP_LINE_BYTES)) {
        if (!smtp_skip(self, n) || !lf)
            return false;
        smtp_skipped(self);
        return true;
    }
    if (!lf)
        return false;

    char line[SMTP_AUTH_BYTES + 1];
    memcpy(line, self->in, n);
    self->in += n;
    self->left -= n;
    smtp_line(self, line, n - 1);
    if (auth)
        explicit_bzero(line, n);
    return true;
}
