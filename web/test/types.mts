// A page in TypeScript; dist.test.js checks that it is right.

import api, { CometServerApi, type CometEvent } from '../dist/CometServerApi.mjs';
import video, { CometVideoApi, type EndEvent } from '../dist/cometVideoApi.mjs';

api.start({ node: ['a', 'b'], dev_id: 15, user_id: 7, user_key: 'k', roundrobin: true }, () => {});
const id: number | false = api.subscription('web_a', ({ data, server_info }: CometEvent<{ a: number }>) => {
    const numbers: number[] = [data.a, server_info.user_id];
    return numbers;
});
api.subscription((event) => event.server_info.pipe.length);
api.web_pipe_send('web_a.e', { a: 1 });
api.count_users_in_pipe('web_a', ({ data }) => data.user_in_pipe.toFixed());
new CometServerApi({ WebSocket: class { constructor(readonly address: string) {} } }).stop();
cometApi.stop();
// @ts-expect-error: not a text
api.multi_web_pipe_send('web_a', 'e', 'text');
// @ts-expect-error: no option
api.start({ password: 'x' });

new CometVideoApi(api).start({
    bandwidth_video: 512,
    ice_servers: [{ urls: 'stun:example.com' }],
    onCall: ({ callInfo, user_id, type }) => video.acceptCall({ type, video_remote: document.createElement('video') }) && [callInfo.sys.stream, user_id],
    onCallEnd: ({ time, status, reason }: EndEvent) => [time.toFixed(), status.length, reason?.length],
    onParticipants: ({ participants }) => participants.map(({ user_id, talking }) => talking && user_id),
});
const muted: true | undefined = video.muteAudio(true);
video.devices().then(({ cameras }) => video.setDevices({ camera: cameras[0]?.id }));
cometVideoApi.hangup();
// @ts-expect-error: no type of a call
video.acceptCall({ type: 'picture' });

export { id, muted };
