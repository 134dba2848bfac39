// For pages with a script tag.

import { CometServerApi, cometApi } from './CometServerApi.js';

Object.assign(globalThis, { CometServerApi, cometApi });
