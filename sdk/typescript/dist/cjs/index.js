"use strict";
// Client of the Postern mail server. See `Postern`.
var __createBinding = (this && this.__createBinding) || (Object.create ? (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    var desc = Object.getOwnPropertyDescriptor(m, k);
    if (!desc || ("get" in desc ? !m.__esModule : desc.writable || desc.configurable)) {
      desc = { enumerable: true, get: function() { return m[k]; } };
    }
    Object.defineProperty(o, k2, desc);
}) : (function(o, m, k, k2) {
    if (k2 === undefined) k2 = k;
    o[k2] = m[k];
}));
var __exportStar = (this && this.__exportStar) || function(m, exports) {
    for (var p in m) if (p !== "default" && !Object.prototype.hasOwnProperty.call(exports, p)) __createBinding(exports, m, p);
};
Object.defineProperty(exports, "__esModule", { value: true });
exports.verify = exports.TOLERANCE_S = exports.EventStream = exports.Pages = exports.Download = exports.Postern = void 0;
var client_js_1 = require("./client.js");
Object.defineProperty(exports, "Postern", { enumerable: true, get: function () { return client_js_1.Postern; } });
var download_js_1 = require("./download.js");
Object.defineProperty(exports, "Download", { enumerable: true, get: function () { return download_js_1.Download; } });
__exportStar(require("./errors.js"), exports);
var pages_js_1 = require("./pages.js");
Object.defineProperty(exports, "Pages", { enumerable: true, get: function () { return pages_js_1.Pages; } });
__exportStar(require("./resources.js"), exports);
var streaming_js_1 = require("./streaming.js");
Object.defineProperty(exports, "EventStream", { enumerable: true, get: function () { return streaming_js_1.EventStream; } });
var webhooks_js_1 = require("./webhooks.js");
Object.defineProperty(exports, "TOLERANCE_S", { enumerable: true, get: function () { return webhooks_js_1.TOLERANCE_S; } });
Object.defineProperty(exports, "verify", { enumerable: true, get: function () { return webhooks_js_1.verify; } });
