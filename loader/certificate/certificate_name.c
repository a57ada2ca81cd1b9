/* Compares the host that was asked for with the names in its certificate, as RFC 9525 has it: names
 * of hosts stand in subjectAltName alone, a wildcard is a whole first label and stands for one
 * label, addresses are compared as addresses, and names of other scripts in their ASCII form. */
#include "loader/certificate/certificate_internal.h"

#include "loader/imap/names/server_words.h"

#include <arpa/inet.h>
#include <gnutls/x509-ext.h>
#include <stdlib.h>
#include <string.h>

/* So many bytes of names stand in an error. */
enum { NAMES_SHOWN_MAX = 200 };

/* "*.example.com" stands for "mail.example.com"; the rest has a dot, so that nobody speaks for all of
 * "com". */
static bool name_matches_wildcard(const char *rest, size_t size, const char *host)
{
	const char *dot = strchr(host, '.');
	return dot != NULL && dot != host && memchr(rest + 1, '.', size - 1) != NULL &&
	       strlen(dot) == size && g_ascii_strncasecmp(rest, dot, size) == 0;
}

/* A name that holds a NUL ends nowhere but at its size. */
bool certificate_name_matches(const char *name, size_t size, const char *host)
{
	if (memchr(name, '\0', size) != NULL)
		return false;
	if (size > 2 && name[0] == '*' && name[1] == '.')
		return name_matches_wildcard(name + 1, size - 1, host);
	return strlen(host) == size && g_ascii_strncasecmp(name, host, size) == 0;
}

struct name_host {
	char *ascii; /* NULL: it is an address */
	unsigned char address[sizeof(struct in6_addr)];
	size_t address_size;
};

/* The dot at the end of a name says only that it is whole. */
static void name_host_read(const char *host, struct name_host *ret_host)
{
	gnutls_datum_t ascii = {NULL, 0};
	*ret_host = (struct name_host){.ascii = NULL};
	if (inet_pton(AF_INET, host, ret_host->address) == 1) {
		ret_host->address_size = sizeof(struct in_addr);
		return;
	}
	if (inet_pton(AF_INET6, host, ret_host->address) == 1) {
		ret_host->address_size = sizeof(struct in6_addr);
		return;
	}
	if (gnutls_idna_map(host, (unsigned int)strlen(host), &ascii, 0) == 0) {
		ret_host->ascii = g_strndup((const char *)ascii.data, ascii.size);
		gnutls_free(ascii.data);
	} else {
		ret_host->ascii = g_strdup(host);
	}
	if (g_str_has_suffix(ret_host->ascii, "."))
		ret_host->ascii[strlen(ret_host->ascii) - 1] = '\0';
}

static bool name_is_host(const struct name_host *host, unsigned int type,
			 const gnutls_datum_t *name)
{
	if (host->ascii == NULL)
		return type == GNUTLS_SAN_IPADDRESS && name->size == host->address_size &&
		       memcmp(name->data, host->address, name->size) == 0;
	return type == GNUTLS_SAN_DNSNAME &&
	       certificate_name_matches((const char *)name->data, name->size, host->ascii);
}

/* What is no name of a host is left out; the list is cut where it gets long. */
static void name_show(GString *names, unsigned int type, const gnutls_datum_t *name)
{
	char address[INET6_ADDRSTRLEN];
	g_autofree char *text = NULL;
	if (type == GNUTLS_SAN_DNSNAME)
		text = server_words((const char *)name->data, name->size);
	else if (type == GNUTLS_SAN_IPADDRESS && name->size == sizeof(struct in_addr))
		text = g_strdup(inet_ntop(AF_INET, name->data, address, sizeof address));
	else if (type == GNUTLS_SAN_IPADDRESS && name->size == sizeof(struct in6_addr))
		text = g_strdup(inet_ntop(AF_INET6, name->data, address, sizeof address));
	if (text == NULL || names->len > NAMES_SHOWN_MAX)
		return;
	g_string_append_printf(names, "%s%s", names->len > 0 ? ", " : "", text);
	if (names->len > NAMES_SHOWN_MAX)
		g_string_append(names, ", …");
}

static int name_refuse(const struct certificate_case *the_case, const char *names, bool address,
		       struct error *err)
{
	if (*names == '\0')
		return error_set(err, ERROR_UNREACHABLE,
				 "the certificate of %s names no host in its subjectAltName (a "
				 "common name does not count): it must be issued anew, with "
				 "subjectAltName=%s:%s",
				 the_case->host, address ? "IP" : "DNS", the_case->host);
	return error_set(err, ERROR_UNREACHABLE,
			 "the certificate of %s is for another host: connect by a name that stands "
			 "in it (%s)%s",
			 the_case->host, names,
			 address ? ", or have it issued anew with this IP address" : "");
}

/* True: one of them is the host's. Else *names has them for an error. */
static bool name_find(const struct name_host *host, gnutls_subject_alt_names_t all, GString *names)
{
	gnutls_datum_t name;
	unsigned int type;
	for (unsigned int i = 0; gnutls_subject_alt_names_get(all, i, &type, &name, NULL) == 0;
	     i++) {
		if (name_is_host(host, type, &name))
			return true;
		name_show(names, type, &name);
	}
	return false;
}

int certificate_check_host(const struct certificate_case *the_case, struct error *err)
{
	gnutls_subject_alt_names_t all = NULL;
	gnutls_datum_t bytes = {NULL, 0};
	struct name_host host;
	g_autoptr(GString) names = g_string_new(NULL);
	if (gnutls_subject_alt_names_init(&all) < 0)
		abort();
	if (gnutls_x509_crt_get_extension_by_oid2(the_case->chain->items[0], GNUTLS_X509EXT_OID_SAN,
						  0, &bytes, NULL) == 0)
		gnutls_x509_ext_import_subject_alt_names(&bytes, all, 0);
	name_host_read(the_case->host, &host);
	const bool found = name_find(&host, all, names);
	const bool address = host.ascii == NULL;
	gnutls_subject_alt_names_deinit(all);
	gnutls_free(bytes.data);
	g_free(host.ascii);
	return found ? 0 : name_refuse(the_case, names->str, address, err);
}
