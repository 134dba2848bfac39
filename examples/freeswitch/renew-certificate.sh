#!/bin/sh
# Post-hook of certbot: gives FreeSWITCH the certificate that Let's Encrypt renewed.
#   certbot renew --post-hook '/etc/freeswitch/renew-certificate.sh fs1.example.com'
# Calls under way end: FreeSWITCH is restarted.
set -eu
name=${1:?usage: renew-certificate.sh HOST}
live=${LIVE:-/etc/letsencrypt/live}/$name
certs=${CERTS:-/usr/local/freeswitch/certs}
umask 077
for file in wss.pem dtls-srtp.pem; do
    cat "$live/fullchain.pem" "$live/privkey.pem" > "$certs/$file.new"
    # FreeSWITCH reads it as the user that it runs as.
    chown --reference="$certs" "$certs/$file.new"
    mv "$certs/$file.new" "$certs/$file"
done
${RESTART:-systemctl restart freeswitch}
