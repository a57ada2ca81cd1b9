/* The file of an account: read, checked for its owner and mode, replaced as a whole under a lock. What
 * has held a token is wiped; jansson is told to do so with its memory. */
#include "loader/oauth/oauth_internal.h"

#include "loader/base/clock.h"
#include "loader/base/redact.h"
#include "queue/base/trust.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>

enum {
	ACCOUNT_MAX_BYTES = 1024 * 1024,
	ACCOUNT_ROOM_BYTES = 96 * 1024, /* more than an answer can bring */
	ACCOUNT_LOCK_PAUSE_MS = 20,
	ACCOUNT_VERSION = 1
};

#define ACCOUNT_FORM (JSON_INDENT(2) | JSON_PRESERVE_ORDER)

/* jansson does not say how long a text is when it gives the memory back; the allocator knows. */
static void wipe_and_free(void *memory)
{
	if (memory == NULL)
		return;
	explicit_bzero(memory, malloc_usable_size(memory));
	free(memory);
}

void oauth_wipe_json(void)
{
	json_set_alloc_funcs(malloc, wipe_and_free);
}

/* ---- names ---- */

/* Where the database is, not where a link to it is: a confined process may write there only. */
char *oauth_folder(const char *database)
{
	g_autofree char *file = realpath(database, NULL);
	return g_strconcat(file != NULL ? file : database, "-oauth", NULL);
}

char *oauth_path(const char *database, const char *name)
{
	g_autofree char *folder = oauth_folder(database);
	return g_strdup_printf("%s/%s.json", folder, name);
}

/* The name becomes that of a file: '../mail' would lead out of the folder of accounts. */
int oauth_check_name(const char *name, struct error *err)
{
	const size_t length = strlen(name);
	const size_t good = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
					 "0123456789._-");
	if (length == 0 || length > 64 || good != length || !g_ascii_isalnum(*name))
		return error_set(err, ERROR_CONFIGURATION,
				 "the name of an account has 1 to 64 letters, digits, '.', '_' and "
				 "'-', and begins with a letter or digit");
	return 0;
}

const char *oauth_account_name(const struct oauth_account *account)
{
	return account->name;
}

/* ---- memory ---- */

struct oauth_account *oauth_account_new(const char *path)
{
	oauth_wipe_json();
	struct oauth_account *account = g_new0(struct oauth_account, 1);
	g_autofree char *file = g_path_get_basename(path);
	account->path = g_strdup(path);
	account->name = g_strndup(file, strlen(file) - strlen(".json"));
	account->document =
	    json_pack("{s:i, s:{}, s:{}}", "version", ACCOUNT_VERSION, "definition", "tokens");
	return account;
}

void oauth_account_free(struct oauth_account *account)
{
	if (account == NULL)
		return;
	json_decref(account->document);
	g_free(account->path);
	g_free(account->name);
	g_free(account);
}

const char *account_text(const struct oauth_account *account, const char *key)
{
	return json_string_value(json_object_get(account->document, key));
}

const char *account_setting(const struct oauth_account *account, const char *field)
{
	return json_string_value(
	    json_object_get(json_object_get(account->document, "definition"), field));
}

int64_t account_number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

/* ---- reading ---- */

struct account_bytes {
	size_t length;
	char bytes[ACCOUNT_MAX_BYTES];
};

static void account_bytes_free(struct account_bytes *buffer)
{
	if (buffer == NULL)
		return;
	explicit_bzero(buffer->bytes, buffer->length);
	g_free(buffer);
}
SCOPED_DEFINE(struct account_bytes *, account_bytes_free)

/* A file that others can read is refused before it is read. */
static int account_open_file(const char *path, const char *name, int *ret_file, struct error *err)
{
	scoped(descriptor_close) int file =
	    open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	struct stat status;
	if (file < 0 && errno == ENOENT)
		return error_because(err, REASON_MISSING,
				     "there is no account '%s': `inqueue oauth login %s` makes it",
				     name, name);
	if (file < 0 || fstat(file, &status) != 0)
		return error_set(err, ERROR_CONFIGURATION, "account file '%s': %s", path,
				 g_strerror(errno));
	if (!S_ISREG(status.st_mode))
		return error_set(err, ERROR_CONFIGURATION,
				 "account file '%s' is no file: remove it, then `inqueue oauth "
				 "login %s` makes a new one",
				 path, name);
	if ((status.st_mode & (S_IRWXG | S_IRWXO)) != 0)
		return error_set(err, ERROR_CONFIGURATION,
				 "account file '%s' can be read by other users: chmod 600 it",
				 path);
	if (trust_check_secret("account file", path, err) != 0)
		return -1;
	*ret_file = descriptor_steal(&file);
	return 0;
}

/* A file that fills the buffer is too long for an account: EFBIG says so, and nothing of it is used. */
static int account_read(int file, struct account_bytes *buffer)
{
	while (buffer->length < sizeof buffer->bytes) {
		const ssize_t got = read(file, buffer->bytes + buffer->length,
					 sizeof buffer->bytes - buffer->length);
		if (got == 0)
			return 0;
		if (got < 0 && errno != EINTR)
			return -1;
		buffer->length += got > 0 ? (size_t)got : 0;
	}
	errno = EFBIG;
	return -1;
}

static void account_hide(const json_t *text)
{
	if (json_is_string(text))
		redact_add(json_string_value(text), json_string_length(text));
}

/* A peer may repeat any of them. */
static void account_hide_secrets(const struct oauth_account *account)
{
	static const char *const keys[] = {"client_secret", "refresh_token", "refresh_token_before",
					   "refresh_token_taken"};
	const char *user;
	json_t *token;
	for (size_t i = 0; i < G_N_ELEMENTS(keys); i++)
		account_hide(json_object_get(account->document, keys[i]));
	json_object_foreach(json_object_get(account->document, "tokens"), user, token)
	{
		account_hide(json_object_get(token, "access_token"));
	}
}

/* The version stands in the file, so that a program of another one leaves it alone instead of misreading it. */
int oauth_account_open(const char *path, struct oauth_account **ret_account, struct error *err)
{
	scoped(oauth_account_free) struct oauth_account *account = oauth_account_new(path);
	scoped(descriptor_close) int file = -1;
	scoped(account_bytes_free) struct account_bytes *buffer = g_new0(struct account_bytes, 1);
	secret_guard_memory();
	if (account_open_file(path, account->name, &file, err) != 0)
		return -1;
	if (account_read(file, buffer) != 0)
		return error_set(err, ERROR_IO, "account file '%s': %s", path, g_strerror(errno));
	/* jansson's own message is not asked for: it quotes what stands where the file is
	 * damaged, which may be a token. */
	json_t *document = json_loadb(buffer->bytes, buffer->length, 0, NULL);
	json_decref(account->document);
	account->document = document;
	if (!json_is_object(json_object_get(document, "definition")) ||
	    !json_is_object(json_object_get(document, "tokens")) ||
	    account_number(document, "version") != ACCOUNT_VERSION)
		return error_set(err, ERROR_CONFIGURATION,
				 "account file '%s' is damaged, or another version's: remove it, "
				 "then `inqueue oauth login %s` makes a new one",
				 path, account->name);
	account_hide_secrets(account);
	*ret_account = steal(&account);
	return 0;
}

/* ---- writing ---- */

static char *account_draft_path(const struct oauth_account *account)
{
	return g_strconcat(account->path, ".new", NULL);
}

/* The draft has a fixed name: what a kill leaves of it, the next one overwrites. Its mode is set
 * once more, since open() gives a mode only to a file that it makes. */
static int draft_open(const char *draft)
{
	scoped(descriptor_close) int file =
	    open(draft, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
	if (file < 0 || fchmod(file, 0600) != 0)
		return -1;
	return descriptor_steal(&file);
}

/* It may be longer than the text: room that was reserved, or another one's draft. */
static int draft_fill(int file, const char *text, size_t length)
{
	size_t done = 0;
	while (done < length) {
		const ssize_t put = write(file, text + done, length - done);
		if (put < 0 && errno != EINTR)
			return -1;
		done += put > 0 ? (size_t)put : 0;
	}
	return ftruncate(file, (off_t)length) != 0 ? -1 : fsync(file);
}

static size_t account_size(const struct oauth_account *account)
{
	return json_dumpb(account->document, NULL, 0, ACCOUNT_FORM);
}

/* A disk that is full, or may not be written to, is found out before the provider gives a new
 * refresh token and no longer takes the one before. */
int account_reserve(const struct oauth_account *account, struct error *err)
{
	g_autofree char *draft = account_draft_path(account);
	scoped(descriptor_close) int file = draft_open(draft);
	const off_t size = (off_t)account_size(account) + ACCOUNT_ROOM_BYTES;
	const int failure = file < 0 ? errno : posix_fallocate(file, 0, size);
	if (failure == 0)
		return 0;
	unlink(draft);
	return error_set(err, ERROR_IO, "account file '%s': no new token is asked for: %s",
			 account->path, g_strerror(failure));
}

/* After a refusal: room that is kept would be a second file for whoever looks at the folder. */
void account_give_room_back(const struct oauth_account *account)
{
	g_autofree char *draft = account_draft_path(account);
	unlink(draft);
}

/* File and folder are on disk before anybody uses the new token. */
static int account_replace(const struct oauth_account *account, const char *text)
{
	g_autofree char *draft = account_draft_path(account);
	g_autofree char *folder = g_path_get_dirname(account->path);
	scoped(descriptor_close) int file = draft_open(draft);
	scoped(descriptor_close) int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (file < 0 || above < 0 || draft_fill(file, text, strlen(text)) != 0)
		return -1;
	return rename(draft, account->path) != 0 ? -1 : fsync(above);
}

/* What would be too long to be read again is not written. */
int account_write(const struct oauth_account *account, struct error *err)
{
	if (account_size(account) >= ACCOUNT_MAX_BYTES)
		return error_set(err, ERROR_CONFIGURATION,
				 "account '%s': its settings and tokens are more than the 1 MiB "
				 "that an account file may hold",
				 account->name);
	char *text = json_dumps(account->document, ACCOUNT_FORM);
	const int failed = text != NULL ? account_replace(account, text) : -1;
	const int saved = errno;
	wipe_and_free(text);
	return failed == 0 ? 0
			   : error_set(err, ERROR_IO, "account file '%s': %s", account->path,
				       g_strerror(saved));
}

/* The lock has a file of its own, which is never removed. The account's file is replaced as a
 * whole, so that a lock on it would be one on a file that has gone. flock() waits without a
 * deadline, so the lock is tried again and again. */
int account_lock(const struct oauth_account *account, int64_t deadline_ms, int *ret_lock,
		 struct error *err)
{
	g_autofree char *folder = g_path_get_dirname(account->path);
	g_autofree char *path = g_strdup_printf("%s/%s.lock", folder, account->name);
	if (g_mkdir_with_parents(folder, 0700) != 0)
		return error_set(err, ERROR_IO, "folder '%s': %s", folder, g_strerror(errno));
	scoped(descriptor_close) int above = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (above >= 0 && trust_check_folder(folder, above, err) != 0)
		return -1;
	scoped(descriptor_close) int lock =
	    open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (lock < 0)
		return error_set(err, ERROR_IO, "lock file '%s': %s", path, g_strerror(errno));
	while (flock(lock, LOCK_EX | LOCK_NB) != 0) {
		const int64_t left_ms = clock_left_ms(deadline_ms);
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_set(err, ERROR_IO, "lock file '%s': %s", path,
					 g_strerror(errno));
		if (left_ms == 0)
			return error_because(
			    err, REASON_BUSY,
			    "account '%s': another process asks for a token and is not done",
			    account->name);
		poll(NULL, 0, (int)MIN(left_ms, ACCOUNT_LOCK_PAUSE_MS));
	}
	*ret_lock = descriptor_steal(&lock);
	return 0;
}

/* ---- all of a database ---- */

static int compare_names(gconstpointer left, gconstpointer right)
{
	return strcmp(*(const char *const *)left, *(const char *const *)right);
}

/* An account that cannot be read is a row as well: whoever lists them looks for just that. */
void oauth_list(const char *database,
		void (*each)(const char *name, const struct oauth_account *account,
			     const struct error *err, void *context),
		void *context)
{
	g_autofree char *folder = oauth_folder(database);
	g_autoptr(GDir) files = g_dir_open(folder, 0, NULL);
	g_autoptr(GPtrArray) names = g_ptr_array_new_with_free_func(g_free);
	const char *file;
	while (files != NULL && (file = g_dir_read_name(files)) != NULL) {
		if (g_str_has_suffix(file, ".json"))
			g_ptr_array_add(names, g_strndup(file, strlen(file) - strlen(".json")));
	}
	g_ptr_array_sort(names, compare_names);
	for (guint i = 0; i < names->len; i++) {
		const char *name = g_ptr_array_index(names, i);
		g_autofree char *path = oauth_path(database, name);
		scoped(oauth_account_free) struct oauth_account *account = NULL;
		struct error err = {.kind = ERROR_NONE};
		oauth_account_open(path, &account, &err);
		each(name, account, &err, context);
	}
}
