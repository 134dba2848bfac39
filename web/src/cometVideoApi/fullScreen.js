// The whole screen for one element.

export const isSupported = () => globalThis.document?.fullscreenEnabled ?? false;

/** Shows an element on the whole screen, or ends that. */
export function toggle(element) {
    if (document.fullscreenElement) {
        return document.exitFullscreen();
    }
    return element?.requestFullscreen?.();
}
