/* Made by make_corpus.c: the certificates under which the corpora verify. */
#ifndef CORPUS_PEOPLE_H
#define CORPUS_PEOPLE_H

#define CORPUS_TIME INT64_C(1795613982620)

static const char corpus_root[] = "-----BEGIN CERTIFICATE-----\n"
                                  "MIIBpTCCAUygAwIBAgIQXhbXjqjXgagbx7x0ANjARDAKBggqhkjOPQQDAjAhMR8w\n"
                                  "HQYDVQQDDBZodWIuZXhhbXBsZS5qcCByb290IENBMB4XDTI2MTEyNTEyMzk0MloX\n"
                                  "DTQ2MTEyMDEzMzk0MlowITEfMB0GA1UEAwwWaHViLmV4YW1wbGUuanAgcm9vdCBD\n"
                                  "QTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABBhs+I3cUq6rIMxgti1EwvmKlUJj\n"
                                  "RIk+JEgwWjyHfVeF79yw6Nr9vbYmWRZAtLpTk52XAkMu49QIo2ZJbnN1fH6jZjBk\n"
                                  "MBIGA1UdEwEB/wQIMAYBAf8CAQEwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQWBBR3\n"
                                  "ysS2YKqxd8VHthDlsOYernrHUzAfBgNVHSMEGDAWgBR3ysS2YKqxd8VHthDlsOYe\n"
                                  "rnrHUzAKBggqhkjOPQQDAgNHADBEAiARDI6OaSujbOv0d91afibLQNDQwgfLlOHI\n"
                                  "5ZuM3t6epgIgLoa5+K1nHlSDwAWtfkC+pzugyZfYhK0OjQK5bu1qs8M=\n"
                                  "-----END CERTIFICATE-----\n";

static const char corpus_issuing[] = "-----BEGIN CERTIFICATE-----\n"
                                     "MIIBqDCCAU+gAwIBAgIQYZCrFbg1z9axYzq7cuj7xjAKBggqhkjOPQQDAjAhMR8w\n"
                                     "HQYDVQQDDBZodWIuZXhhbXBsZS5qcCByb290IENBMB4XDTI2MTEyNTEyMzk0MloX\n"
                                     "DTM2MTEyMjEzMzk0MlowJDEiMCAGA1UEAwwZaHViLmV4YW1wbGUuanAgaXNzdWlu\n"
                                     "ZyBDQTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABKgMMGF2hnwPul1qZ4oN0Wq0\n"
                                     "AZ6nledZn31AhnZZxA8o82FCecwj8ElzxqMv0iIH+i0dyNAYbdv6cLQsxmZKlVmj\n"
                                     "ZjBkMBIGA1UdEwEB/wQIMAYBAf8CAQAwDgYDVR0PAQH/BAQDAgEGMB0GA1UdDgQW\n"
                                     "BBSiF8bWzswWhYiadCZDca5MMcu/FjAfBgNVHSMEGDAWgBR3ysS2YKqxd8VHthDl\n"
                                     "sOYernrHUzAKBggqhkjOPQQDAgNHADBEAiAc7gBH6sqNlvmsy1OwMIP3ANsJNAwi\n"
                                     "WQZxzI8Xa3JQXAIgfBXzy9QRAXFUOn6qz1sO+hnWhzrlRIQzmbd3wPIc5q0=\n"
                                     "-----END CERTIFICATE-----\n";

#endif
