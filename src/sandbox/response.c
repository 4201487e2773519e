#include "sandbox/response.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MISSING_BYTES = 64 };

typedef struct {
    GString *body;
} CutBody;

static ssize_t
on_cut_read(void *user, uint64_t at, char *buf, size_t max)
{
    const CutBody *cut = user;

    if (at >= cut->body->len)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t n = MIN(max, cut->body->len - (size_t) at);
    memcpy(buf, cut->body->str + at, n);
    return (ssize_t) n;
}

static void
on_cut_free(void *user)
{
    CutBody *cut = user;

    g_string_free(cut->body, TRUE);
    g_free(cut);
}

/* Half of the body under a length that promises more than all of it. */
static struct MHD_Response *
cut_response(const GString *body)
{
    CutBody *cut = g_new0(CutBody, 1);

    cut->body = g_string_new_len(body->str, (gssize) body->len / 2);
    return MHD_create_response_from_callback(body->len + MISSING_BYTES, 4096, on_cut_read, cut, on_cut_free);
}

typedef struct {
    Delays *delays;
    struct MHD_Connection *connection;
    GString *body;
    unsigned ms;
    bool waited;                /* for the next byte */
} DripBody;

/* One byte, and the connection is held back before the next. */
static ssize_t
on_drip_read(void *user, uint64_t at, char *buf, size_t max)
{
    DripBody *drip = user;

    if (at >= drip->body->len)
        return MHD_CONTENT_READER_END_OF_STREAM;
    drip->waited = !drip->waited;
    if (drip->waited && delays_start(drip->delays, drip->connection, drip->ms))
        return 0;
    *buf = drip->body->str[at];
    return 1;
}

static void
on_drip_free(void *user)
{
    DripBody *drip = user;

    g_string_free(drip->body, TRUE);
    g_free(drip);
}

static struct MHD_Response *
drip_response(Delays *delays, struct MHD_Connection *connection, Exchange *exchange)
{
    DripBody *drip = g_new0(DripBody, 1);

    drip->delays = delays;
    drip->connection = connection;
    drip->body = g_steal_pointer(&exchange->answer.body);
    drip->ms = exchange->fault.delay_ms;
    return MHD_create_response_from_callback(drip->body->len, 1, on_drip_read, drip, on_drip_free);
}

static struct MHD_Response *
file_response(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    struct stat status;

    if (fd < 0 || fstat(fd, &status) < 0) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return MHD_create_response_from_fd64((uint64_t) status.st_size, fd);
}

static struct MHD_Response *
make(Delays *delays, struct MHD_Connection *connection, Exchange *exchange)
{
    Answer *answer = &exchange->answer;

    if (answer->file)
        return file_response(answer->file);
    if (exchange->fault.kind == FAULT_TRUNCATE)
        return cut_response(answer->body);
    if (exchange->fault.kind == FAULT_DRIP)
        return drip_response(delays, connection, exchange);
    if (exchange->fault.kind == FAULT_CUT)
        g_string_truncate(answer->body, answer->body->len / 2);
    size_t n = answer->body->len;
    char *bytes = g_string_free(g_steal_pointer(&answer->body), FALSE);
    return MHD_create_response_from_buffer(n, bytes, MHD_RESPMEM_MUST_FREE);
}

static void
add_retry_after(struct MHD_Response *response, const Fault *fault)
{
    g_autofree char *text = NULL;

    if (fault->kind != FAULT_STATUS || fault->retry == RETRY_NONE)
        return;
    if (fault->retry == RETRY_DATE) {
        g_autoptr(GDateTime) now = g_date_time_new_now_utc();
        g_autoptr(GDateTime) then = g_date_time_add_seconds(now, fault->retry_after_s);
        text = g_date_time_format(then, "%a, %d %b %Y %H:%M:%S GMT");
    } else {
        text = g_strdup_printf("%u", fault->retry_after_s);
    }
    MHD_add_response_header(response, "Retry-After", text);
}

struct MHD_Response *
response_make(Delays *delays, struct MHD_Connection *connection, Exchange *exchange)
{
    struct MHD_Response *response = make(delays, connection, exchange);

    if (!response)
        return NULL;
    MHD_add_response_header(response, "Content-Type", exchange->answer.type);
    add_retry_after(response, &exchange->fault);
    return response;
}
