/* Runs several posts at a time over curl's multi interface: starts them, hands out those that
 * have ended, and starts again those that are redirected. */
#include "loader/http/client_internal.h"

#include "loader/base/clock.h"
#include "loader/base/secret.h"
#include "loader/http/proxy.h"

#include <string.h>

void http_answer_clear(struct http_answer *answer)
{
	g_free(answer->text);
	g_free(answer->trace);
}

static void http_easy_free(void *curl)
{
	curl_easy_cleanup(curl);
}

/* A handle that has served another post keeps its buffers, and its connection. */
static CURL *http_client_easy(struct http_client *client)
{
	if (client->idle->len == 0)
		return curl_easy_init();
	return g_ptr_array_steal_index_fast(client->idle, client->idle->len - 1);
}

/* Gives the handle back for the next post; everything that was a secret is wiped. */
static void http_transfer_free(void *pointer)
{
	struct http_transfer *transfer = pointer;
	curl_multi_remove_handle(transfer->client->multi, transfer->curl);
	curl_easy_reset(transfer->curl);
	g_ptr_array_add(transfer->client->idle, transfer->curl);
	curl_slist_free_all(transfer->fields);
	secret_wipe(transfer->url);
	secret_wipe(transfer->proxy);
	g_free(transfer->content_type);
	g_strfreev(transfer->own_fields);
	http_transfer_leave_home(transfer);
	g_string_free(transfer->kept, TRUE);
	if (transfer->trace != NULL)
		g_string_free(transfer->trace, TRUE);
	g_free(transfer);
}

/* curl keeps pointers to the paths of files, so that the client has copies of them. */
int http_client_open(const struct http_options *options, struct http_client **ret_client,
		     struct error *err)
{
	scoped(certificate_trust_close) struct certificate_trust *trust = NULL;
	const struct certificate_files files = {.ca_file = options->ca_file,
						.crl_file = options->crl_file,
						.ca_option = "deliver-ca-file",
						.crl_option = "deliver-crl-file"};
	if (certificate_trust_open(&files, &trust, err) != 0 ||
	    proxy_open(options->proxy, err) != 0)
		return -1;
	struct http_client *client = g_new0(struct http_client, 1);
	client->options = *options;
	client->options.ca_file = client->options.crl_file = NULL;
	client->trust = steal(&trust);
	client->options.client_certificate = client->client_certificate =
	    g_strdup(options->client_certificate);
	client->options.trusted_hosts = client->trusted_hosts = g_strdup(options->trusted_hosts);
	client->options.proxy = client->proxy = g_strdup(options->proxy);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	client->multi = curl_multi_init();
	curl_multi_setopt(client->multi, CURLMOPT_MAX_HOST_CONNECTIONS, (long)options->concurrency);
	client->idle = g_ptr_array_new_with_free_func(http_easy_free);
	client->transfers = g_ptr_array_new_with_free_func(http_transfer_free);
	*ret_client = client;
	return 0;
}

/* Transfers go first: each gives its handle back to the client. */
void http_client_free(struct http_client *client)
{
	if (client == NULL)
		return;
	g_ptr_array_free(client->transfers, TRUE);
	g_ptr_array_free(client->idle, TRUE);
	curl_multi_cleanup(client->multi);
	curl_global_cleanup();
	certificate_trust_close(client->trust);
	g_free(client->client_certificate);
	g_free(client->trusted_hosts);
	g_free(client->proxy);
	g_free(client);
}

/* Copies what must outlive the call; the body is borrowed until the answer is there. */
void http_client_start(struct http_client *client, const struct http_request *request,
		       void *context)
{
	struct http_transfer *transfer = g_new0(struct http_transfer, 1);
	transfer->client = client;
	transfer->context = context;
	transfer->curl = http_client_easy(client);
	transfer->url = g_strdup(request->url);
	transfer->content_type = g_strdup(request->content_type);
	transfer->own_fields = g_strdupv((char **)request->fields);
	transfer->home_fields = g_strdupv((char **)request->home_fields);
	transfer->secret_fields = g_strdupv((char **)request->secret_fields);
	transfer->body = request->body;
	transfer->size_bytes = request->size_bytes;
	transfer->started_ms = clock_monotonic_ms();
	transfer->kept = g_string_new(NULL);
	transfer->trace = client->options.trace ? g_string_new(NULL) : NULL;
	g_ptr_array_add(client->transfers, transfer);
	http_transfer_prepare(transfer);
	curl_multi_add_handle(client->multi, transfer->curl);
}

/* Includes posts that have ended but have not been handed out. */
int http_client_pending(const struct http_client *client)
{
	return (int)client->transfers->len;
}

/* A post that curl has finished; NULL for none. */
static struct http_transfer *http_client_finished(struct http_client *client, CURLcode *ret_code)
{
	int left;
	const CURLMsg *message;
	while ((message = curl_multi_info_read(client->multi, &left)) != NULL) {
		if (message->msg != CURLMSG_DONE)
			continue;
		char *transfer = NULL;
		*ret_code = message->data.result;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
		return (struct http_transfer *)(void *)transfer;
	}
	return NULL;
}

/* A redirect is no end: the post goes on with another request. */
static bool http_client_take(struct http_client *client, struct http_answer *ret_answer,
			     void **ret_context)
{
	CURLcode code;
	struct http_transfer *transfer;
	while ((transfer = http_client_finished(client, &code)) != NULL) {
		curl_multi_remove_handle(client->multi, transfer->curl);
		if (!http_transfer_judge(transfer, code, ret_answer)) {
			http_transfer_prepare(transfer);
			curl_multi_add_handle(client->multi, transfer->curl);
			continue;
		}
		*ret_context = transfer->context;
		g_ptr_array_remove_fast(client->transfers, transfer);
		return true;
	}
	return false;
}

/* Hands out what has ended already before it waits. */
bool http_client_wait(struct http_client *client, int64_t timeout_ms,
		      struct http_answer *ret_answer, void **ret_context)
{
	int running;
	if (http_client_take(client, ret_answer, ret_context))
		return true;
	curl_multi_perform(client->multi, &running);
	if (http_client_take(client, ret_answer, ret_context))
		return true;
	curl_multi_poll(client->multi, NULL, 0, (int)timeout_ms, NULL);
	return false;
}
