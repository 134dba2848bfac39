// Cameras and microphones.

/** What to do about errors of getUserMedia, by their names. */
const HELP = {
    NotAllowedError:
        'The browser keeps it from this page: allow it beside the page’s address, and in the system’s settings, then call again.',
    NotFoundError: 'There is none: connect one, then call again.',
    NotReadableError: 'Another program uses it: close that program, then call again.',
    OverconstrainedError: 'The chosen one is not there any more: choose another.',
    InsecureContext: 'Browsers give it only to pages that came over https, or from localhost.',
};

/** Why there is no camera or microphone: `name` as the browser has it, `message` for the user. */
export class MediaError extends Error {
    constructor(what, name, said = '') {
        super(`No ${what}. ${HELP[name] ?? said}`);
        this.name = name;
    }
}

/** Asks for what a call of a type needs: 'video', 'audio', or 'none', which sends nothing. Rejects with MediaError. */
export async function openMedia(type, { camera, microphone }) {
    // A device that is not there any more is no reason not to call.
    const wish = (device) => (device ? { deviceId: { ideal: device } } : true);
    const what = type === 'video' ? 'camera or microphone' : 'microphone';
    return ask(what, { audio: wish(microphone), video: type === 'video' && wish(camera) });
}

/** Asks for one device anew: 'audio' or 'video'. */
export async function openDevice(kind, device) {
    const what = kind === 'video' ? 'camera' : 'microphone';
    const stream = await ask(what, { [kind]: { deviceId: { exact: device } } });
    return stream.getTracks()[0];
}

async function ask(what, constraints) {
    const devices = globalThis.navigator?.mediaDevices;
    if (!devices) {
        throw new MediaError(what, 'InsecureContext');
    }
    return devices.getUserMedia(constraints).catch(({ name, message }) => {
        throw new MediaError(what, name, message);
    });
}

/** What there is to choose from. Devices have labels only once the page may use one. */
export async function listDevices() {
    const all = (await globalThis.navigator?.mediaDevices?.enumerateDevices()) ?? [];
    const of = (kind) =>
        all.filter((device) => device.kind === kind).map(({ deviceId, label }) => ({ id: deviceId, label }));
    return { cameras: of('videoinput'), microphones: of('audioinput'), speakers: of('audiooutput') };
}
