#!/usr/bin/env bash
# Makes the certificates of the tests anew: an authority, a server and a client that it signed, and a stranger it did not. Needs openssl.
set -euo pipefail
cd "$(dirname "$0")"
days=36500
key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1.key" 2>/dev/null; }
signed() { # NAME EXTENSIONS
  key "$1"
  openssl req -new -key "$1.key" -subj "/CN=$1" -out "$1.csr"
  openssl x509 -req -in "$1.csr" -CA ca.crt -CAkey ca.key -CAcreateserial -days "$days" -extfile <(printf '%s' "$2") -out "$1.crt" 2>/dev/null
  rm "$1.csr"
}
key ca
openssl req -x509 -new -key ca.key -days "$days" -subj '/CN=Bascule test authority' \
  -addext 'basicConstraints=critical,CA:TRUE' -addext 'keyUsage=critical,keyCertSign' -out ca.crt
signed server 'subjectAltName=DNS:localhost,DNS:app.example,IP:127.0.0.1'
signed renewed 'subjectAltName=DNS:localhost,DNS:app.example,IP:127.0.0.1'
signed service 'subjectAltName=DNS:service.internal'
signed client 'extendedKeyUsage=clientAuth'
key stranger
openssl req -x509 -new -key stranger.key -days "$days" -subj '/CN=stranger' -addext 'subjectAltName=DNS:localhost,IP:127.0.0.1' -out stranger.crt
rm ca.srl
