// For pages with script tags: this one after that of CometServerApi.js.

import { CometVideoApi } from './cometVideoApi.js';

Object.assign(globalThis, { CometVideoApi, cometVideoApi: new CometVideoApi(globalThis.cometApi) });
