/*
 * reply_body.h - the reply in a body that lies in the output.
 */
#ifndef MIME_REPLY_BODY_H
#define MIME_REPLY_BODY_H

#include "mime/output.h"

/* As reply_plain(). "" where there is no body; errors are the output's. The caller frees with
 * g_free(). */
char *reply_body(const struct mime_content *body, struct mime_output *output);

#endif
