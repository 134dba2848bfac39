// The page's elements in which a call is seen and heard.

export class Elements {
    #local;
    /** 'audio' and 'video': the element that plays it. */
    #players;
    #speaker;
    #onBlocked;

    /** `onBlocked` is called if the browser will not play without a click. */
    constructor({ video_local, video_remote, audio_remote }, speaker, onBlocked) {
        this.#local = video_local;
        // Without an element in the page the others are heard all the same.
        this.#players = { audio: audio_remote ?? video_remote ?? new Audio(), video: video_remote };
        this.#speaker = speaker;
        this.#onBlocked = onBlocked;
    }

    showLocal(stream) {
        if (this.#local) {
            // Nobody wants to hear himself.
            this.#local.muted = true;
            this.#play(this.#local, stream);
        }
    }

    addRemote(track) {
        const player = this.#players[track.kind];
        if (!player) {
            return;
        }
        if (player.srcObject) {
            player.srcObject.addTrack(track);
        } else {
            this.#play(player, new MediaStream([track]));
            // If it is not there any more, the browser's own choice plays.
            this.setSpeaker(this.#speaker).catch(() => {});
        }
    }

    /** Plays what the others say on another device. */
    async setSpeaker(speaker) {
        this.#speaker = speaker;
        if (speaker !== undefined) {
            await this.#players.audio.setSinkId?.(speaker);
        }
    }

    clear() {
        [this.#local, ...Object.values(this.#players)].forEach((element) => {
            if (element) {
                element.srcObject = null;
            }
        });
    }

    #play(element, stream) {
        element.autoplay = true;
        // Else telephones show it over the whole page.
        element.playsInline = true;
        element.srcObject = stream;
        element.play().catch(({ name }) => name === 'NotAllowedError' && this.#onBlocked());
    }
}
