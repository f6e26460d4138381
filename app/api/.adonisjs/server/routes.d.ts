import '@adonisjs/core/types/http'

type ParamValue = string | number | bigint | boolean

export type ScannedRoutes = {
  ALL: {
    'health': { paramsTuple?: []; params?: {} }
    'api.health': { paramsTuple?: []; params?: {} }
    'auth.register': { paramsTuple?: []; params?: {} }
    'auth.login': { paramsTuple?: []; params?: {} }
    'auth.logout': { paramsTuple?: []; params?: {} }
    'auth.me': { paramsTuple?: []; params?: {} }
    'lessons.index': { paramsTuple?: []; params?: {} }
    'chats.index': { paramsTuple?: []; params?: {} }
    'chats.store': { paramsTuple?: []; params?: {} }
    'chats.show': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
    'chats.destroy': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
    'chats.ask': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
    'messages.stream': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
  }
  GET: {
    'health': { paramsTuple?: []; params?: {} }
    'api.health': { paramsTuple?: []; params?: {} }
    'auth.me': { paramsTuple?: []; params?: {} }
    'lessons.index': { paramsTuple?: []; params?: {} }
    'chats.index': { paramsTuple?: []; params?: {} }
    'chats.show': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
    'messages.stream': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
  }
  HEAD: {
    'health': { paramsTuple?: []; params?: {} }
    'api.health': { paramsTuple?: []; params?: {} }
    'auth.me': { paramsTuple?: []; params?: {} }
    'lessons.index': { paramsTuple?: []; params?: {} }
    'chats.index': { paramsTuple?: []; params?: {} }
    'chats.show': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
    'messages.stream': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
  }
  POST: {
    'auth.register': { paramsTuple?: []; params?: {} }
    'auth.login': { paramsTuple?: []; params?: {} }
    'auth.logout': { paramsTuple?: []; params?: {} }
    'chats.store': { paramsTuple?: []; params?: {} }
    'chats.ask': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
  }
  DELETE: {
    'chats.destroy': { paramsTuple: [ParamValue]; params: {'id': ParamValue} }
  }
}
declare module '@adonisjs/core/types/http' {
  export interface RoutesList extends ScannedRoutes {}
}