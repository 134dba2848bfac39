// What a page can set with start().

export const DEFAULTS = Object.freeze({
    /** Kept for old pages, without effect. */
    language: ['en'],
    /** How long an invitation whose caller has gone waits for a sign of somebody else, in milliseconds. */
    alone_time: 5000,
    /** How long an invitation rings, and an accepted call waits for the first other one, in milliseconds; 0: for ever. */
    lonelinessTimeout: 60_000,
    /** In kbit/s, each way; 0: as the media server likes. */
    bandwidth_video: 256,
    bandwidth_audio: 32,
    /** STUN and TURN servers, as RTCPeerConnection takes them. A media server with a public address needs none. */
    ice_servers: [],
    /** wss:// to the media server, or ws://, which pages that came over https cannot use. */
    sip_wss: true,
    /** How long the media server may take to let the user in, in milliseconds. */
    sip_timeout: 15_000,
    /** Carries calls in another way than by SIP: gets what SipCall's constructor gets, and gives what has its methods. */
    dial: undefined,
    /** Ids of devices, see devices(); undefined: those that the browser chooses. */
    camera: undefined,
    microphone: undefined,
    speaker: undefined,
});
