/** A page's connection to the `[ws]` port of cometql; see docs/javascript.md. */

export interface Options {
    /** Where the server is: `host`, `host:port` or `host/path`; several: a connection to each. */
    node?: string | string[];
    /** The same as `node`. */
    nodes?: string | string[];
    /** The tenant. */
    dev_id?: number | string;
    user_id?: number | string;
    /** The user's hash in `users_auth`, or a token for him. */
    user_key?: string;
    /** wss:// instead of ws://. Default: as the page came. */
    wss?: boolean;
    /** One of several nodes, chosen by `user_id`, instead of all of them. */
    roundrobin?: boolean;
    /** What this browser calls itself instead of its stored random name. */
    uuid?: string;
    /** Tabs of one user share a connection where the browser can. Default: true. */
    share?: boolean;
    /** Taken and ignored: nothing is sent that the page did not send. */
    nostat?: boolean;
}

export interface CometEvent<Data = any> {
    data: Data;
    server_info: {
        /** Who sent it; 0: nobody that the server knows, or the backend. */
        user_id: number;
        pipe: string;
        event: string;
        /** It was said before, and comes from `get_pipe_log`. */
        history: boolean;
        marker?: string;
        uuid?: string;
        /** Unix time in seconds. */
        message_send_time?: number;
        /** It waited for this user, or is history. */
        fromQueue: boolean;
    };
}

export type Listener<Data = any> = (event: CometEvent<Data>) => void;

/** true: sent; false: waits for a connection; undefined: refused. */
export type Sent = boolean | undefined;

/** What `CometServerApi` takes instead of the browser's own. */
export interface Environment {
    WebSocket?: new (address: string) => any;
    BroadcastChannel?: new (name: string) => any;
    locks?: any;
    storage?: { getItem(key: string): string | null; setItem(key: string, value: string): void };
    page?: string;
    listen?(type: 'online', listener: () => void): void;
    unlisten?(type: 'online', listener: () => void): void;
}

export class CometServerApi {
    constructor(environment?: Environment);
    start(options?: Options, onGreeting?: () => void): void;
    restart(options?: Options): void;
    stop(): void;
    subscription(name: string, callback: Listener): number | false;
    subscription(callback: Listener): number | false;
    unsubscription(id: number): boolean;
    unsubscriptionAll(): void;
    web_pipe_send(pipe: string, event: string, message: unknown): Sent;
    web_pipe_send(pipeAndEvent: string, message: unknown): Sent;
    multi_web_pipe_send(pipe: string, event: string, message: object, count?: number, interval?: number): Sent;
    get_pipe_log(pipe: string, callback?: Listener): Sent;
    count_users_in_pipe(pipe: string, callback: Listener<{ user_in_pipe: number }>): Sent;
    getTrackPipeUsers(pipe: string, callback: Listener<{ user_id: number; uuid: string }[]>): Sent;
    getUserData(userId: number | string, callback: Listener<{ user_id: number; user_data: string }>): Sent;
    sendStatistics(name: string, version: string, data: unknown): Sent;
    onAuthSuccess(callback: () => void): void;
    onAuthFalill(callback: () => void): void;
    isAuthorized(): boolean | undefined;
    isMaster(): boolean;
    isConnected(): boolean;
    getUserId(): number | string | undefined;
    getUserKey(): string | undefined;
    getRealUserKey(): string | undefined;
    getDevId(): number | string;
    getUUID(): string;
    getTabUUID(): string;
    UseWebSocket(): true;
    UseWss(use?: boolean): boolean;
    isUseWss(): boolean;
    getLogLevel(): number;
    setLogLevel(level: number): void;
}

export const cometApi: CometServerApi;
export default cometApi;

type Constructor = typeof CometServerApi;

declare global {
    /** Pages with a script tag have these. */
    var cometApi: CometServerApi;
    var CometServerApi: Constructor;
}
