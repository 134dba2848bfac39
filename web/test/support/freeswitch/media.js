// The media of a conference: a page in Chromium that shows everybody to everybody, and mixes what they say.

import { openPage } from '../browser.js';

export class Media {
    #page;

    /** `url` is any page that may use the microphone: else the browser hides its address. */
    static async start(profile, url) {
        const media = new Media();
        media.#page = await openPage(profile, url);
        await media.#page.evaluate(inPage);
        return media;
    }

    /** The answer to an offer of the call `id`, its first or a later one. */
    answer(id, offer, { hasVideo }) {
        return this.#page.evaluate((call) => globalThis.answer(call), { id, offer, hasVideo });
    }

    close(id) {
        return this.#page.evaluate((id) => globalThis.hangUp(id), id);
    }

    /** How many pictures have come from a caller. */
    pictures(id) {
        return this.#page.evaluate((id) => globalThis.pictures(id), id);
    }

    /** Vanishes without a word. */
    async vanish() {
        await this.#page.close();
    }
}

/** What runs in the page. */
async function inPage() {
    const calls = new Map();
    const canvas = Object.assign(document.createElement('canvas'), { width: 320, height: 180 });
    const painter = canvas.getContext('2d');
    const picture = canvas.captureStream(10);
    const audio = new AudioContext();
    const sound = audio.createMediaStreamDestination();
    await navigator.mediaDevices.getUserMedia({ audio: true });

    setInterval(() => {
        painter.fillRect(0, 0, canvas.width, canvas.height);
        const width = canvas.width / calls.size;
        [...calls.values()].forEach(({ video }, index) => {
            painter.drawImage(video, index * width, 0, width, canvas.height);
        });
    }, 100);

    function begin(id, hasVideo) {
        const connection = new RTCPeerConnection();
        const video = Object.assign(document.createElement('video'), { autoplay: true, muted: true });
        video.srcObject = new MediaStream();
        connection.addTrack(sound.stream.getTracks()[0]);
        if (hasVideo) {
            connection.addTrack(picture.getTracks()[0]);
        }
        connection.addEventListener('track', ({ track }) => {
            video.srcObject.addTrack(track);
            if (track.kind === 'audio') {
                audio.createMediaStreamSource(new MediaStream([track])).connect(sound);
            }
        });
        const call = { connection, video, hasVideo };
        calls.set(id, call);
        return call;
    }

    globalThis.answer = async ({ id, offer, hasVideo }) => {
        const { connection, ...call } = calls.get(id) ?? begin(id, hasVideo);
        await connection.setRemoteDescription({ type: 'offer', sdp: offer });
        if (!call.hasVideo) {
            connection
                .getTransceivers()
                .filter(({ receiver }) => receiver.track.kind === 'video')
                .forEach((transceiver) => transceiver.stop());
        }
        await connection.setLocalDescription();
        while (connection.iceGatheringState !== 'complete') {
            await new Promise((changed) => connection.addEventListener('icegatheringstatechange', changed, { once: true }));
        }
        return connection.localDescription.sdp;
    };

    globalThis.pictures = (id) => calls.get(id).video.getVideoPlaybackQuality().totalVideoFrames;

    globalThis.hangUp = (id) => {
        calls.get(id)?.connection.close();
        calls.delete(id);
    };
}
