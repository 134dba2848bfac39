// Who a user is to FreeSWITCH, and whom he calls there.

/** `user` has dev_id, user_id and key; `sys` is what an invitation says of the media server. `address` is undefined if it names none. */
export function accountOf({ dev_id, user_id, key }, { serverName, serverPort, sipNumber }, isSecure) {
    const name = `${String(dev_id).padStart(6, '0')}${user_id}`;
    return {
        name,
        password: key,
        uri: `sip:${name}@${serverName}`,
        registrar: `sip:${serverName}`,
        address: serverName && Number(serverPort) ? `${isSecure ? 'wss' : 'ws'}://${serverName}:${serverPort}` : undefined,
        target: `sip:${sipNumber}@${serverName}`,
    };
}
