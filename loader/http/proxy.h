/*
 * proxy.h - which HTTP proxy a post goes through.
 *
 * A setting is "http://HOST:PORT", or "environment": what http_proxy, https_proxy, all_proxy and
 * no_proxy say, as curl reads them. A user and password may stand in these variables alone.
 *
 * Errors:    CONFIGURATION; texts repeat nothing of a URL.
 * Threads:   none changes the environment meanwhile.
 */
#ifndef LOADER_HTTP_PROXY_H
#define LOADER_HTTP_PROXY_H

#include "queue/base/error.h"

/* A setting that an operator gives. */
int proxy_check(const char *setting, struct error *err);

/* What is wrong with the variables that the setting is about, if any; hides their passwords from then
 * on (redact.h). Takes NULL, for no proxy. */
int proxy_open(const char *setting, struct error *err);

/* The proxy's URL for a post to `url`; NULL for none. The caller frees it with secret_wipe(). */
char *proxy_choose(const char *setting, const char *url);

#endif
